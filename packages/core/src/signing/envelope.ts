/**
 * The envelope in which everything signed travels: which chain, which declaration, who says to
 * have signed, the canonical body, the signature. Opening one never trusts it: sizes, name, chain
 * and canonical form are checked first, the signature by `verifyOpened`, apart, because that is the
 * costly part and runs on other threads.
 */
import { equalBytes, fromUtf8, toHex } from '../bytes.ts';
import { PalisadeError, type Refusal, refuse } from '../errors.ts';
import { decode, decodeTrusted, encode } from '../schema/codec.ts';
import { record } from '../schema/composite.ts';
import { byteList, bytes, type Json, text } from '../schema/schema.ts';
import type { Declaration } from './declaration.ts';
import { type Domain, digestOf, idOf } from './typed-data.ts';

/** Bytes of a signed body at most: the largest, an audit answer of 32 leaves with paths, needs 64 KiB. */
export const MAX_BODY_BYTES = 96 * 1024;
/** Bytes of the longest declaration name. */
const MAX_NAME_BYTES = 64;
/** Bytes of the genesis hash that mark a chain: enough to tell honest mistakes, the domain does the rest. */
const CHAIN_TAG_BYTES = 4;

const envelope = record('Envelope', {
  chain: bytes(CHAIN_TAG_BYTES),
  name: text(MAX_NAME_BYTES),
  sender: byteList(32),
  body: byteList(MAX_BODY_BYTES),
  signature: byteList(65),
});

/** Bytes of the largest envelope. */
export const MAX_ENVELOPE_BYTES = MAX_BODY_BYTES + 512;

/** A signed value whose form was checked; whether the signature is good, `verifyOpened` says. */
export type Opened<T = unknown> = {
  readonly declaration: Declaration<T>;
  readonly value: T;
  /** `idOf` digest and sender: 32 bytes, the same however the signature is encoded. */
  readonly id: Uint8Array;
  /** What was signed: 32 bytes. */
  readonly digest: Uint8Array;
  /** Address (20 bytes) or node key (32 bytes), by the declaration's signer. */
  readonly sender: Uint8Array;
  readonly signature: Uint8Array;
  /** Length of the envelope: fees are charged by it. */
  readonly size: number;
};

/** The declarations that a reader understands, by name. */
export type Catalogue = ReadonlyMap<string, Declaration<unknown>>;

export function catalogue(declarations: Iterable<Declaration>): Catalogue {
  const byName = new Map<string, Declaration<unknown>>();
  for (const declaration of declarations) {
    if (byName.has(declaration.name))
      throw new PalisadeError({
        code: 'core/declared-twice',
        message: `${declaration.name} is declared twice: a name may have one meaning only.`,
      });
    byName.set(declaration.name, declaration);
  }
  return byName;
}

/** Envelope bytes around a value and a signature that somebody (a wallet, a signer) made. */
export function seal<T>(
  declaration: Declaration<T>,
  value: T,
  domain: Domain,
  sender: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return encode(envelope, {
    chain: domain.genesisHash.slice(0, CHAIN_TAG_BYTES),
    name: declaration.name,
    sender,
    body: encode(declaration.schema, value),
    signature,
  });
}

/** Checks and decodes an envelope, all but its signature. */
export function open(data: Uint8Array, known: Catalogue, domain: Domain): Opened | Refusal {
  if (data.length > MAX_ENVELOPE_BYTES)
    return refuse(
      'envelope/too-large',
      `It has ${data.length} bytes; ${MAX_ENVELOPE_BYTES} are allowed.`,
    );
  try {
    const outer = decode(envelope, data);
    const declaration = known.get(outer.name);
    if (!declaration)
      return refuse(
        'envelope/unknown-name',
        `There is no command or message '${outer.name}' here.`,
      );
    if (!equalBytes(outer.chain, domain.genesisHash.subarray(0, CHAIN_TAG_BYTES)))
      return wrongChain(outer.chain, domain);
    const account = declaration.signer === 'account';
    if (
      outer.sender.length !== (account ? 20 : 32) ||
      outer.signature.length !== (account ? 65 : 64)
    )
      return refuse(
        'envelope/wrong-signer',
        `${declaration.name} is signed by ${account ? 'an account key (20-byte address, 65-byte signature)' : 'a node key (32-byte key, 64-byte signature)'}.`,
      );
    const value = decode(declaration.schema, outer.body);
    const digest = digestOf(declaration, value, domain);
    return {
      declaration,
      value,
      id: idOf(digest, outer.sender),
      digest,
      sender: outer.sender,
      signature: outer.signature,
      size: data.length,
    };
  } catch (error) {
    if (error instanceof PalisadeError) return refuse('envelope/malformed', error.message);
    throw error;
  }
}

/**
 * Decodes an envelope whose form and signature were checked before, by another thread of this
 * program, which also computed its hashes. What it says of the sender lies in `data` itself.
 */
export function openChecked(
  data: Uint8Array,
  known: Catalogue,
  { id, digest }: Pick<Opened, 'id' | 'digest'>,
): Opened {
  const [name, sender, body, signature] = partsOf(data);
  const declaration = known.get(fromUtf8(name))!;
  const value = decodeTrusted(declaration.schema, body);
  return { declaration, value, id, digest, sender, signature, size: data.length };
}

/** Name, sender, body and signature, as views: SSZ names their beginnings behind the chain's tag. */
function partsOf(data: Uint8Array): [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  const beginning = (part: number): number => {
    const at = CHAIN_TAG_BYTES + 4 * part;
    return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
  };
  const [name, sender, body, signature] = [0, 1, 2, 3].map(beginning);
  return [
    data.subarray(name, sender),
    data.subarray(sender, body),
    data.subarray(body, signature),
    data.subarray(signature),
  ];
}

function wrongChain(tag: Uint8Array, domain: Domain): Refusal {
  return refuse(
    'envelope/wrong-chain',
    `It was signed for a chain whose genesis hash begins with ${toHex(tag)}; this one is ${toHex(domain.genesisHash)}.`,
    { next: 'Ask a validator for /status and sign again with its genesis hash.' },
  );
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'retry' in value && 'code' in value;
}

/** JSON form of an opened envelope, for people and APIs. */
export function openedToJson(opened: Opened): Json {
  return {
    id: toHex(opened.id),
    name: opened.declaration.name,
    sender: toHex(opened.sender),
    value: opened.declaration.schema.toJson(opened.value),
    signature: toHex(opened.signature),
  };
}
