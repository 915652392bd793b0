/** How far a put is: plain data, written down after every step, so that a crash costs nothing. */
import { address, bytes32, PalisadeError, toHex } from '@palisade/core';
import { clientError } from '../base/errors.ts';
import {
  count,
  envelopeBytes,
  listOf,
  object,
  optional,
  plainText,
  type Reader,
  whole,
} from '../base/shapes.ts';

export type ChosenPartner = {
  readonly partner: Uint8Array;
  readonly url: string;
  /** Base units per session. */
  readonly rate: bigint;
};

export type PutState = {
  readonly client: Uint8Array;
  readonly contentId: Uint8Array;
  readonly size: number;
  readonly replicas: number;
  readonly sessions: number;
  readonly maxRate: bigint;
  /** The signed request and its id, which is the job's; from before it is first sent. */
  readonly request: { readonly job: Uint8Array; readonly envelope: Uint8Array } | undefined;
  /** Height of the job's block. */
  readonly height: bigint | undefined;
  /** Partners that hold a voucher: they get their bytes before others are asked. */
  readonly chosen: readonly ChosenPartner[];
};

/** The largest market has 32 partners for a job; failed ones are dropped from the list. */
const MAX_CHOSEN = 64;
const MAX_URL_CHARS = 200;
const VERSION = 1;

const version: Reader<number> = {
  fromJson(json) {
    if (json === VERSION) return VERSION;
    throw clientError('client/bad-state', 'It was written by another version.');
  },
};
const stateReader = object({
  version,
  client: address,
  contentId: bytes32,
  size: count,
  replicas: count,
  sessions: count,
  maxRate: {
    fromJson: (json, path) => BigInt(plainText(40).fromJson(json, path)),
  } as Reader<bigint>,
  request: optional(object({ job: bytes32, envelope: envelopeBytes })),
  height: optional(whole),
  chosen: listOf(
    object({
      partner: bytes32,
      url: plainText(MAX_URL_CHARS),
      rate: {
        fromJson: (json, path) => BigInt(plainText(40).fromJson(json, path)),
      } as Reader<bigint>,
    }),
    MAX_CHOSEN,
  ),
});

/** JSON text of a state. */
export function formatPutState(state: PutState): string {
  const plain = { version: VERSION, ...state };
  return JSON.stringify(plain, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}`;
    return value instanceof Uint8Array ? toHex(value) : value;
  });
}

/** Reads it back. @throws PalisadeError `client/bad-state` */
export function parsePutState(text: string): PutState {
  try {
    const { version: _, ...state } = stateReader.fromJson(JSON.parse(text), '');
    return state;
  } catch (cause) {
    const why = cause instanceof PalisadeError ? cause.message : 'it is unreadable';
    throw clientError('client/bad-state', `The record of this put cannot be used: ${why}`, {
      next: 'Start the put again; a job that exists already is listed by palisade jobs.',
      cause,
    });
  }
}
