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
  equalBytes,
  type Json,
  PalisadeError,
  type Signer,
  seal,
  signEnvelope,
  toHex,
} from '@palisade/core';
import { acknowledgement } from '@palisade/market/schema';
import {
  openMessage,
  submittedReader,
  type TransactionStatus,
  transactionReader,
} from './answers.ts';
import { clientError } from './errors.ts';
import { badAnswer, refusalFromJson } from './http.ts';
import { NonceBook } from './nonces.ts';
import type { ReachContext } from './reach.ts';
import { ask, orNothing, query } from './requests.ts';

/** What of a command the caller gives: its place and its fee are filled in. */
export type CommandFields<T> = Omit<T, 'nonce' | 'maxFee'>;

/** A transaction that a validator has promised to propose. */
export type Posted = {
  readonly id: Uint8Array;
  readonly envelope: Uint8Array;
  readonly nonce: bigint;
  /** What it costs, base units. */
  readonly fee: bigint;
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
  readonly signal?: AbortSignal;
};

/** What sending needs of the client around it. */
export type SendingContext = ReachContext & {
  domain(): Promise<Domain>;
  /** Chain parameters; asked again when `fresh`. */
  params(fresh?: boolean): Promise<ChainParams>;
  blockTimeMs(): Promise<number>;
  /** Remembers that a block exists, so that later answers must have seen it. */
  sawBlock(height: bigint): void;
  readonly floor: bigint;
};

/** Blocks after which a transaction that is in none is given up: it may still come. */
const PATIENCE_BLOCKS = 30;
/** Looks at a transaction that no validator knows before it is sent again. */
const LOOKS_BEFORE_RESEND = 4;
/** Signatures over one command at most: each further one follows a correction by the chain. */
const MAX_CORRECTIONS = 4;

export type Sending = {
  feeFor<T>(declaration: Declaration<T>, fields: CommandFields<T>): Promise<bigint>;
  submit(envelope: Uint8Array, id?: Uint8Array, signal?: AbortSignal): Promise<{ id: Uint8Array }>;
  post<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options?: SendOptions,
    deliver?: Deliver,
  ): Promise<Posted>;
  waitFor(
    id: Uint8Array,
    options?: { envelope?: Uint8Array; signal?: AbortSignal | undefined },
  ): Promise<Included>;
};

/** Brings a signed transaction to the validators; requests of jobs go another way than the rest. */
export type Deliver = (envelope: Uint8Array, id: Uint8Array) => Promise<unknown>;

export function sending(context: SendingContext): Sending {
  const nonces = new NonceBook();

  async function submit(envelope: Uint8Array, id?: Uint8Array, signal?: AbortSignal) {
    const domain = await context.domain();
    const [answer] = await ask(
      context,
      {
        method: 'POST',
        path: '/v1/transactions',
        body: envelope,
        reader: submittedReader,
        check(value, { url }) {
          const said = openMessage(acknowledgement, value.acknowledgement, domain, url);
          const same = equalBytes(said.value.transaction, value.id);
          if (same && (!id || equalBytes(value.id, id))) return value;
          throw badAnswer(url, 'it acknowledges another transaction');
        },
      },
      { what: 'an acknowledgement', signal },
    );
    return { id: answer!.value.id };
  }

  async function feeFor<T>(declaration: Declaration<T>, fields: CommandFields<T>) {
    const size = envelopeSize(declaration, fields, await context.domain());
    return feeOf(await context.params(), size);
  }

  async function post<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options: SendOptions = {},
    deliver: Deliver = (envelope, id) => submit(envelope, id, options.signal),
  ): Promise<Posted> {
    const domain = await context.domain();
    const lane = laneOf(declaration, signer);
    const askNonce = () => nextNonce(context, declaration, signer);
    return nonces.take(lane, askNonce, async (first) => {
      let nonce = first;
      for (let corrections = 0; ; corrections++) {
        const fee = await feeFor(declaration, fields);
        checkFee(declaration, fee, options.maxFee);
        const value = { ...fields, nonce, maxFee: options.maxFee ?? fee } as T;
        const envelope = await signEnvelope(declaration, value, domain, signer);
        const id = idOf(digestOf(declaration, value, domain), signer.id);
        try {
          await deliver(envelope, id);
          return { id, envelope, nonce, fee };
        } catch (error) {
          if (!(error instanceof PalisadeError) || corrections === MAX_CORRECTIONS) throw error;
          if (error.code === 'accounts/nonce-used' && (await isKnown(context, id)))
            return { id, envelope, nonce, fee };
          nonce = await correct(context, error, { nonce, corrections }, askNonce);
        }
      }
    });
  }

  return { feeFor, submit, post, waitFor: (id, options) => waitFor(context, submit, id, options) };
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
  const asked = ask(context, question, { what: 'a transaction', signal });
  try {
    return (await asked)[0]!.value;
  } catch (error) {
    // However a validator words it: one that refuses to tell does not know it.
    if (error instanceof PalisadeError && !error.code.startsWith('client/')) return undefined;
    throw error;
  }
}

async function isKnown(context: ReachContext, id: Uint8Array): Promise<boolean> {
  return (await transaction(context, id)) !== undefined;
}

async function waitFor(
  context: SendingContext,
  submit: Sending['submit'],
  id: Uint8Array,
  { envelope, signal }: { envelope?: Uint8Array; signal?: AbortSignal | undefined } = {},
): Promise<Included> {
  const blockMs = await context.blockTimeMs();
  const until = context.env.nowMs() + PATIENCE_BLOCKS * blockMs;
  for (let unseen = 0; context.env.nowMs() < until; ) {
    const found = await transaction(context, id, signal);
    if (found?.status === 'included') return included(context, id, found);
    unseen = found ? 0 : unseen + 1;
    if (envelope && unseen === LOOKS_BEFORE_RESEND) {
      unseen = 0;
      await submit(envelope, id, signal).catch((error: unknown) => {
        // It is in a block by now, and the next look will see it.
        if ((error as PalisadeError).code !== 'accounts/nonce-used') throw error;
      });
    }
    await context.env.sleep(blockMs / 3, signal);
  }
  throw clientError(
    'client/not-included',
    `Transaction ${toHex(id)} is in no block after ${PATIENCE_BLOCKS} block times.`,
    {
      retry: 'later',
      next: 'It may still come: look for it again, or send it again.',
      data: { id: toHex(id) },
    },
  );
}

function included(context: SendingContext, id: Uint8Array, found: TransactionStatus): Included {
  const { height = 0n, index = 0, code = 0, events = [] } = found;
  context.sawBlock(height);
  if (code === 0) return { id, height, index, events };
  throw (
    refusalFromJson(found.error) ??
    new PalisadeError({
      code: 'chain/refused',
      message: `Transaction ${toHex(id)} was refused in block ${height} with code ${code}.`,
      data: { height, code },
    })
  );
}
