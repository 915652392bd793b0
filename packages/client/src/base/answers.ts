/** What validators answer, in TypeScript and as readers (spec/api.md). */
import {
  bytes32,
  type Catalogue,
  catalogue,
  type Declaration,
  type Domain,
  isRefusal,
  type Json,
  open,
  u128,
  verifyOpened,
} from '@palisade/core';
import {
  type acknowledgement,
  type confirmation,
  MAX_URL,
  type ready,
} from '@palisade/market/schema';
import { endpointList, SEATS } from './directory-data.ts';
import { badAnswer } from './http.ts';
import {
  anyJson,
  count,
  envelopeBytes,
  listOf,
  object,
  oneOf,
  optional,
  plainText,
  type ReadBy,
  whole,
} from './shapes.ts';

const name = plainText(100);

export const statusReader = object({
  chainId: name,
  genesisHash: bytes32,
  name,
  nodeKey: bytes32,
  seat: oneOf(SEATS),
  url: plainText(MAX_URL),
  height: whole,
  timeMs: whole,
  session: whole,
  blockTimeMs: count,
  version: optional(name),
  directory: endpointList,
});
/** A validator's own account of itself and of the validators that it knows. */
export type Status = ReadBy<typeof statusReader>;

/** Something that a block did. `index` is its place among the events of the block. */
export type ChainEvent = {
  readonly height: bigint;
  readonly index: number;
  /** Block time, ms since 1970. */
  readonly timeMs: bigint;
  readonly name: string;
  /** JSON form by the event's declaration. */
  readonly data: Json;
};

/** Events of a history at most: 8 MiB of JSON bound it before. */
const MAX_EVENTS = 65_536;

export const historyEvent = object({
  height: whole,
  index: count,
  timeMs: whole,
  name,
  data: anyJson,
});
export const historyReader = object({ events: listOf(historyEvent, MAX_EVENTS) });

export const includedEvent = object({ name, data: anyJson });

export const transactionReader = object({
  id: bytes32,
  status: oneOf(['pending', 'included', 'dropped']),
  height: optional(whole),
  index: optional(count),
  code: optional(count),
  error: optional(anyJson),
  events: optional(listOf(includedEvent, MAX_EVENTS)),
});
export type TransactionStatus = ReadBy<typeof transactionReader>;

/** What the engine itself put into a block has no id. Transactions of a block at most: what fits one of 4 MiB. */
const MAX_TRANSACTIONS = 65_536;

export const blockReader = object({
  height: whole,
  hash: bytes32,
  timeMs: whole,
  transactions: listOf(
    object({
      id: optional(bytes32),
      name,
      sender: optional(plainText(66)),
      code: count,
      value: optional(anyJson),
    }),
    MAX_TRANSACTIONS,
  ),
  events: listOf(includedEvent, MAX_EVENTS),
});
export type BlockView = ReadBy<typeof blockReader>;

/** Partners of one list at most: 10 000 are what a validator is sized for (P2V-1). */
const MAX_PARTNERS = 16_384;
/** What the chain knows of a partner (C2V-4.1), as a validator says. */
export const standingReader = object({
  score: count,
  receipts: count,
  bond: u128,
  /** Of the last challenge on chain (P2V-1.G2): 0 for none, 1 passed, higher ones are failures. */
  challengeFinding: optional(count),
  challengeSession: optional(whole),
});
export type PartnerStanding = ReadBy<typeof standingReader>;

export const partnersReader = object({
  partners: listOf(
    object({
      ready: envelopeBytes,
      lastSeenMs: optional(whole),
      rttMs: optional(count),
      standing: optional(standingReader),
    }),
    MAX_PARTNERS,
  ),
});

export const submittedReader = object({ id: bytes32, acknowledgement: envelopeBytes });
export const confirmedReader = object({ job: bytes32, confirmation: envelopeBytes });
export const giftReader = object({ id: optional(bytes32), amount: u128 });

/** A signed message, checked: who said it, and what. */
export type Said<T> = {
  readonly sender: Uint8Array;
  readonly value: T;
  readonly signature: Uint8Array;
};

const catalogues = new Map<Declaration<never>, Catalogue>();

/**
 * Opens a signed message of one kind.
 * @throws PalisadeError `client/bad-answer` when form, chain or signature are wrong
 */
export function openMessage<T>(
  declaration: Declaration<T>,
  envelope: Uint8Array,
  domain: Domain,
  source: string,
): Said<T> {
  const key = declaration as unknown as Declaration<never>;
  const known = catalogues.get(key) ?? catalogue([declaration as Declaration]);
  catalogues.set(key, known);
  const opened = open(envelope, known, domain);
  if (isRefusal(opened)) throw badAnswer(source, opened.message);
  const wrong = verifyOpened(opened);
  if (wrong) throw badAnswer(source, wrong.message);
  const { sender, signature } = opened;
  return { sender, signature, value: opened.value as T };
}

export type Acknowledgement = Said<MessageOf<typeof acknowledgement>>;
export type Confirmation = Said<MessageOf<typeof confirmation>>;
export type Ready = MessageOf<typeof ready>;
export type MessageOf<D> = D extends Declaration<infer T> ? T : never;
