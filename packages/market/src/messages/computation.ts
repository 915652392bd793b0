/**
 * What the parties of a computation job say to each other (spec/computation.md, "Hiring partners").
 * The chain sees the name of the work and, in the receipt, the name of the output.
 */
import {
  bytes32,
  concat,
  decode,
  encode,
  equalBytes,
  type Infer,
  message,
  PalisadeError,
  type Refusal,
  record,
  refuse,
  u8,
  u32,
  u64,
  type ValueOf,
} from '@palisade/core';

/** Version of the form of a work order; another form needs a new one. */
const VERSION = 1;

/** What stands before module and input in the content that a computation job names. */
export const workOrder = record('WorkOrder', {
  version: u8,
  moduleSize: u32.is('Bytes of the module, which follows'),
  inputSize: u32.is('Bytes of the input, which follows the module'),
  fuel: u64.is('Most instructions'),
  memoryBytes: u64.is('Most memory'),
  outputBytes: u32.is('Most output'),
});

/** Limits of a run. */
export type WorkLimits = Pick<Infer<typeof workOrder>, 'fuel' | 'memoryBytes' | 'outputBytes'>;

export type Work = {
  readonly module: Uint8Array;
  readonly input: Uint8Array;
  readonly limits: WorkLimits;
};

/** Bytes of a work order: its fields have fixed widths. */
const ORDER_BYTES = encode(workOrder, {
  version: VERSION,
  moduleSize: 0,
  inputSize: 0,
  fuel: 0n,
  memoryBytes: 0n,
  outputBytes: 0,
}).length;

/** Most bytes of module and input together: a partner holds them in memory while they run. */
export const MAX_WORK_BYTES = 64 * 2 ** 20;

/**
 * The content that a computation job is about: order, module, input.
 * @throws PalisadeError `market/work-too-large`
 */
export function encodeWork({ module, input, limits }: Work): Uint8Array {
  if (module.length + input.length > MAX_WORK_BYTES)
    throw new PalisadeError({
      code: 'market/work-too-large',
      message: `Module and input have ${module.length + input.length} bytes; ${MAX_WORK_BYTES} are possible.`,
    });
  const order = {
    version: VERSION,
    moduleSize: module.length,
    inputSize: input.length,
    ...limits,
  };
  return concat(encode(workOrder, order), module, input);
}

/** Takes the content of a job apart; a refusal when it is no work order with what it announces. */
export function readWork(content: Uint8Array): Work | Refusal {
  const order = decodeOrder(content.subarray(0, ORDER_BYTES));
  if (order?.version !== VERSION) return badWork('it does not begin with a work order');
  const { moduleSize, inputSize, fuel, memoryBytes, outputBytes } = order;
  const end = ORDER_BYTES + moduleSize;
  if (moduleSize + inputSize > MAX_WORK_BYTES || content.length !== end + inputSize)
    return badWork('module and input are not as long as the order says');
  return {
    module: content.subarray(ORDER_BYTES, end),
    input: content.subarray(end),
    limits: { fuel, memoryBytes, outputBytes },
  };
}

function decodeOrder(bytes: Uint8Array): Infer<typeof workOrder> | undefined {
  try {
    return decode(workOrder, bytes);
  } catch (error) {
    if (error instanceof PalisadeError) return undefined;
    throw error;
  }
}

function badWork(why: string): Refusal {
  return refuse('market/bad-work', `The content of this job is no work to be done: ${why}.`);
}

/** How a run ended; every machine comes to the same end (spec/computation.md, "Limits and ends"). */
export const RUN_END = {
  finished: 1,
  trapped: 2,
  'out-of-fuel': 3,
  'memory-limit': 4,
  'output-limit': 5,
  refused: 6,
} as const;
export type RunEnd = keyof typeof RUN_END;

/** The end that a number stands for. */
export function runEndOf(code: number): RunEnd | undefined {
  return (Object.keys(RUN_END) as RunEnd[]).find((end) => RUN_END[end] === code);
}

/** What a partner has found out: signed, so that it can be held against it. */
export const runResult = message({
  name: 'market.run-result',
  title: 'Result of a run',
  doc: 'A partner has run the module of a job, and says what came of it.',
  signer: 'node',
  fields: {
    job: bytes32,
    end: u8.is('1 finished, 2 trapped, 3 out of fuel, 4 memory limit, 5 output limit, 6 refused'),
    output: bytes32.is('Content id of the output'),
    outputSize: u32.is('Bytes of the output'),
    fuel: u64.is('Used'),
  },
});
export type RunResult = ValueOf<typeof runResult>;

/** Whether two results say the same of the same work. */
export function isSameResult(a: RunResult, b: RunResult): boolean {
  const same = a.end === b.end && a.outputSize === b.outputSize && a.fuel === b.fuel;
  return same && equalBytes(a.output, b.output);
}

/**
 * What a run costs: the rate voucher pays for all of the fuel that the work allows, and what was
 * used of it is its part, rounded up.
 */
export function owedFor(
  { rate, sessions }: { readonly rate: bigint; readonly sessions: number },
  used: bigint,
  allowed: bigint,
): bigint {
  return allowed === 0n ? 0n : (rate * BigInt(sessions) * used + allowed - 1n) / allowed;
}
