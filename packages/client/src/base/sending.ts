/**
 * Transactions from fields to inclusion: place, fee, signature, acknowledgement, block. Sending
 * the same envelope again is harmless, so whatever is in doubt is sent again.
 */
import { accountQuery, type ChainParams, feeOf, nodeKeyQuery } from '@palisade/chain/schema';
import {
  type Declaration,
  type Domain,
  digestOf,
  idOf,
  type Json,
  PalisadeError,
  type Signer,
  seal,
  signEnvelope,
  toHex,
} from '@palisade/core';
import { type TransactionStatus, transactionReader } from './answers.ts';
import { clientError } from './errors.ts';
import { refusalFromJson } from './http.ts';
import { NonceBook } from './nonces.ts';
import type { ReachContext } from './reach.ts';
import { ask, orNothing, query } from './requests.ts';
import { acknowledgements, type SubmitContext, type Submitted, submit } from './submitting.ts';

/** What of a command the caller gives: its place and its fee are filled in. */
export type CommandFields<T> = Omit<T, 'nonce' | 'maxFee'>;

/** A transaction that a validator has promised to propose. */
export type Posted = {
  readonly id: Uint8Array;
  readonly envelope: Uint8Array;
  readonly nonce: bigint;
  /** What it costs, base units. */
  readonly fee: bigint;
  /** Words of the validators that took it, envelopes; none where it was handed over in another way. */
  readonly acknowledgements: readonly Uint8Array[];
};

/** A transaction in a block. */
export type Included = {
  readonly id: Uint8Array;
  readonly height: bigint;
  readonly index: number;
  readonly events: readonly { readonly name: string; readonly data: Json }[];
};

export type SendOptions = {
  /** Refuses to sign beyond it, base units; by default what the transaction costs now. */
  readonly maxFee?: bigint;
  /** Hands it to validators of more than a third of the weight, so that leaving it out is an omission of theirs. */
  readonly isWitnessed?: boolean;
  readonly signal?: AbortSignal;
};

/** What sending needs of the client around it. */
export type SendingContext = SubmitContext & {
  /** Chain parameters; asked again when `fresh`. */
  params(fresh?: boolean): Promise<ChainParams>;
  blockTimeMs(): Promise<number>;
  /** Remembers that a block exists, so that later answers must have seen it. */
  sawBlock(height: bigint): void;
};

/** Blocks after which a transaction that is in none is given up: it may still come. */
const PATIENCE_BLOCKS = 30;
const LOOKS_PER_BLOCK = 3;
/** Five blocks: by then every validator would have proposed it once. */
const LOOKS_BEFORE_RESEND = 5 * LOOKS_PER_BLOCK;
/** Signatures over one command at most: each further one follows a correction by the chain. */
const MAX_CORRECTIONS = 4;
/** Refusals of what may be in a block already: the answer to an earlier try can have been lost. */
const TAKEN = new Set(['accounts/nonce-used', 'engine/tx-included']);

export type Sending = {
  feeFor<T>(declaration: Declaration<T>, fields: CommandFields<T>): Promise<bigint>;
  submit(envelope: Uint8Array, id?: Uint8Array, signal?: AbortSignal): Promise<Submitted>;
  post<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options?: SendOptions,
    deliver?: Deliver,
  ): Promise<Posted>;
  waitFor(id: Uint8Array, options?: WaitOptions): Promise<Included>;
};

export type WaitOptions = {
  /** Hands the transaction over again, in case the validator that had it is gone. */
  readonly resend?: () => Promise<unknown>;
  readonly signal?: AbortSignal | undefined;
};

/** Brings a signed transaction to the validators; requests of jobs go another way than the rest. */
export type Deliver = (envelope: Uint8Array, id: Uint8Array) => Promise<unknown>;

export function sending(context: SendingContext): Sending {
  const nonces = new NonceBook(() => context.env.nowMs());

  async function feeFor<T>(declaration: Declaration<T>, fields: CommandFields<T>) {
    const size = envelopeSize(declaration, fields, await context.domain());
    return feeOf(await context.params(), size);
  }

  async function post<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options: SendOptions = {},
    deliver?: Deliver,
  ): Promise<Posted> {
    const domain = await context.domain();
    const lane = laneOf(declaration, signer);
    const askNonce = () => nextNonce(context, declaration, signer);
    const { isWitnessed = false, signal } = options;
    const handOver = async (envelope: Uint8Array, id: Uint8Array) => {
      if (isWitnessed) return acknowledgements(context, envelope, id, signal);
      if (!deliver) return [(await submit(context, envelope, id, signal)).acknowledgement];
      await deliver(envelope, id);
      return [];
    };
    const patienceMs = PATIENCE_BLOCKS * (await context.blockTimeMs());
    const signAndDeliver = async (first: bigint): Promise<Posted> => {
      let nonce = first;
      for (let corrections = 0; ; corrections++) {
        const fee = await feeFor(declaration, fields);
        checkFee(declaration, fee, options.maxFee);
        const value = { ...fields, nonce, maxFee: options.maxFee ?? fee } as T;
        const envelope = await signEnvelope(declaration, value, domain, signer);
        const id = idOf(digestOf(declaration, value, domain), signer.id);
        const posted = { id, envelope, nonce, fee };
        try {
          return { ...posted, acknowledgements: await handOver(envelope, id) };
        } catch (error) {
          if (!(error instanceof PalisadeError) || corrections === MAX_CORRECTIONS) throw error;
          if (TAKEN.has(error.code) && (await isIncluded(context, id)))
            return { ...posted, acknowledgements: [] };
          nonce = await correct(context, error, { nonce, corrections }, askNonce);
        }
      }
    };
    const use = async (first: bigint) => {
      const posted = await signAndDeliver(first);
      return { posted, nonce: posted.nonce, id: toHex(posted.id) };
    };
    return (await nonces.take(lane, askNonce, use, patienceMs)).posted;
  }

  return {
    feeFor,
    submit: (envelope, id, signal) => submit(context, envelope, id, signal),
    post,
    waitFor: (id, options) => waitFor(context, id, options).finally(() => nonces.settle(toHex(id))),
  };
}

/** Bytes of the envelope: numbers have fixed widths, so zeros stand for place, fee and signature. */
function envelopeSize<T>(declaration: Declaration<T>, fields: CommandFields<T>, domain: Domain) {
  const account = declaration.signer === 'account';
  const value = { ...fields, nonce: 0n, maxFee: 0n } as T;
  const sender = new Uint8Array(account ? 20 : 32);
  return seal(declaration, value, domain, sender, new Uint8Array(account ? 65 : 64)).length;
}

function checkFee<T>({ name }: Declaration<T>, fee: bigint, maxFee: bigint | undefined): void {
  if (maxFee === undefined || fee <= maxFee) return;
  throw clientError(
    'client/fee-above-limit',
    `${name} costs ${fee}; at most ${maxFee} is allowed.`,
    {
      next: 'Allow a higher fee.',
      data: { fee, maxFee },
    },
  );
}

/** Accounts count nonces by lane, node keys have one order for everything. */
function laneOf<T>(declaration: Declaration<T>, signer: Signer): string {
  const lane = signer.kind === 'node' ? 'node' : declaration.lane;
  return `${toHex(signer.id)}/${lane}`;
}

async function nextNonce<T>(
  context: SendingContext,
  declaration: Declaration<T>,
  signer: Signer,
): Promise<bigint> {
  const { floor } = context;
  if (signer.kind === 'node')
    return (await query(context, nodeKeyQuery, { nodeKey: signer.id }, floor)).nonce;
  const account = await orNothing(query(context, accountQuery, { address: signer.id }, floor));
  return account?.nonces.find(({ lane }) => lane === declaration.lane)?.next ?? 0n;
}

/** Times that a gap is waited out: what we sent before reaches the other validators within a block. */
const GAP_WAITS = 2;

/** What to sign instead after a refusal, or the refusal itself where signing again cannot help. */
async function correct(
  context: SendingContext,
  error: PalisadeError,
  { nonce, corrections }: { nonce: bigint; corrections: number },
  askNonce: () => Promise<bigint>,
): Promise<bigint> {
  if (error.code === 'accounts/fee-too-low') {
    await context.params(true);
    return nonce;
  }
  if (error.code === 'accounts/nonce-gap' && corrections < GAP_WAITS) {
    await context.env.sleep((await context.blockTimeMs()) / 2);
    return nonce;
  }
  if (error.code !== 'accounts/nonce-used' && error.code !== 'accounts/nonce-gap') throw error;
  const expected = expectedNonce(error) ?? (await askNonce());
  // A nonce may be taken by one of ours that waits for its block: the chain does not count it yet.
  return error.code === 'accounts/nonce-used' && expected <= nonce ? nonce + 1n : expected;
}

function expectedNonce({ data }: PalisadeError): bigint | undefined {
  const text = `${data.expected ?? ''}`;
  return /^[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined;
}

async function transaction(
  context: ReachContext,
  id: Uint8Array,
  signal?: AbortSignal,
): Promise<TransactionStatus | undefined> {
  const path = `/v1/transactions/${toHex(id)}`;
  const question = { path, reader: transactionReader };
  try {
    const [answer] = await ask(context, question, { what: 'a transaction', signal });
    return answer!.value;
  } catch (error) {
    // However a validator words it: one that refuses to tell does not know it.
    if (error instanceof PalisadeError && !error.code.startsWith('client/')) return undefined;
    throw error;
  }
}

async function isIncluded(context: ReachContext, id: Uint8Array): Promise<boolean> {
  return (await transaction(context, id))?.status === 'included';
}

async function waitFor(
  context: SendingContext,
  id: Uint8Array,
  { resend, signal }: WaitOptions = {},
): Promise<Included> {
  const blockMs = await context.blockTimeMs();
  const until = context.env.nowMs() + PATIENCE_BLOCKS * blockMs;
  for (let looks = 1; context.env.nowMs() < until; looks++) {
    const found = await transaction(context, id, signal);
    if (found?.status === 'included') return included(context, id, found);
    if (found?.status === 'dropped') throw refusalOf(id, found);
    if (looks % LOOKS_BEFORE_RESEND === 0) await resend?.().catch(ignoreRefusal);
    await context.env.sleep(blockMs / LOOKS_PER_BLOCK, signal);
  }
  throw clientError(
    'client/not-included',
    `Transaction ${toHex(id)} is in no block after ${PATIENCE_BLOCKS} block times: validators leave it out, or one that its sender sent before.`,
    {
      retry: 'later',
      next: 'It may still come: look for it before you send it again.',
      data: { id: toHex(id) },
    },
  );
}

/** That it is known, or its place taken, the next look shows better. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
}

function included(context: SendingContext, id: Uint8Array, found: TransactionStatus): Included {
  const { height = 0n, index = 0, code = 0, events = [] } = found;
  context.sawBlock(height);
  if (code === 0) return { id, height, index, events };
  throw refusalOf(id, found);
}

/** Why a transaction did nothing in its block, or can be in none. */
function refusalOf(id: Uint8Array, { error, height = 0n, code = 0 }: TransactionStatus) {
  return (
    refusalFromJson(error) ??
    new PalisadeError({
      code: 'chain/refused',
      message: `Transaction ${toHex(id)} was refused in block ${height} with code ${code}.`,
      data: { height, code },
    })
  );
}
