/**
 * Verdicts: what validators, passive ones above all, say of proofs that they fetched from a miner and
 * checked. The chain sees a proof's id and, where it matters, these signed words.
 */
import { validators } from '@palisade/chain';
import { SEAT } from '@palisade/chain/schema';
import {
  address,
  byteList,
  bytes32,
  catalogue,
  concat,
  type Domain,
  equalBytes,
  isRefusal,
  type KeyValueReader,
  list,
  message,
  open,
  type Refusal,
  refuse,
  text,
  toHex,
  u8,
  u32,
  u64,
  u64be,
  utf8,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';

export const VERDICT = { holds: 0, fails: 1, withheld: 2 } as const;
/** What validators say of a proof that is to fail by their word. */
export const FAILING = [VERDICT.fails, VERDICT.withheld];

export const verdict = message({
  name: 'sectors.verdict',
  title: 'Verdict on a proof of storage',
  doc: 'A validator has asked a miner for a proof and checked it.',
  signer: 'node',
  fields: {
    subject: bytes32.is('Which proof, of what'),
    verdict: u8.is('0 it holds, 1 it does not, 2 the miner did not give it'),
  },
});

/** Longest base URL at which a miner serves its proofs. */
const MAX_URL = 256;

/** A miner's word that a seal proof can be fetched: answered by a validator's verdict. */
export const proofReady = message({
  name: 'sectors.proof-ready',
  title: 'Seal proof is ready',
  doc: 'The seal proof of an announced sector can be fetched and checked.',
  signer: 'node',
  fields: {
    number: u64.is('The sector'),
    proof: bytes32.is('Id of the proof file'),
    url: text(MAX_URL).is('Base URL; the proof is at /v1/proofs/ and its id'),
    atMs: u64.is('When it was signed, ms since 1970'),
  },
});

/** A validator asks others whether they can have a window proof that it cannot. */
export const windowQuestion = message({
  name: 'sectors.window-question',
  title: 'Question about a window proof',
  doc: 'A validator could not have a window proof, and asks others to try.',
  signer: 'node',
  fields: {
    miner: address,
    deadline: u8,
    partition: u32,
    proof: bytes32.is('Id of the proof file'),
    atMs: u64.is('When it was signed, ms since 1970'),
  },
});

/** As `windowQuestion`, for a seal proof. */
export const sealQuestion = message({
  name: 'sectors.seal-question',
  title: 'Question about a seal proof',
  doc: 'A validator could not have the seal proof of a sector, and asks others to try.',
  signer: 'node',
  fields: {
    miner: address,
    number: u64.is('The sector'),
    proof: bytes32.is('Id of the proof file'),
    atMs: u64.is('When it was signed, ms since 1970'),
  },
});

/** How many verdicts it takes that a proof is withheld or false: more than two thirds of the judges. */
export function verdictsToFail(state: KeyValueReader): number {
  return Math.floor((2 * judges(state).length) / 3) + 1;
}

/** Bytes of a signed verdict at most; 64 validators there are at most. */
const MAX_VERDICT_BYTES = 512;
export const MAX_VERDICTS = 64;

export const verdictList = list(byteList(MAX_VERDICT_BYTES), MAX_VERDICTS).is(
  'Signed sectors.verdict of different validators',
);

const known = catalogue([verdict]);

/** What a verdict on a seal proof is about. */
export function sealSubject(miner: Uint8Array, number: bigint, proof: Uint8Array): Uint8Array {
  return blake3(concat(utf8('palisade/seal-verdict/1'), miner, u64be(number), proof));
}

/** What a verdict on a window proof is about. */
export function windowSubject(
  miner: Uint8Array,
  place: { readonly deadline: number; readonly partition: number; readonly opens: bigint },
  proof: Uint8Array,
): Uint8Array {
  const numbers = [place.deadline, place.partition, place.opens].map((n) => u64be(BigInt(n)));
  return blake3(concat(utf8('palisade/window-verdict/1'), miner, ...numbers, proof));
}

/** Validators whose verdicts count: all that were not excluded for an offence, by key. */
export function judges(state: KeyValueReader): Uint8Array[] {
  return [...validators.list(state)]
    .filter(([, { seat }]) => seat !== SEAT.excluded)
    .map(([[nodeKey]]) => nodeKey);
}

/** Why signed words are not what at least `wanted` judges say of a subject; undefined when they are. */
export function faultOfVerdicts(
  state: KeyValueReader,
  domain: Domain,
  signed: readonly Uint8Array[],
  subject: Uint8Array,
  allowed: readonly number[],
  wanted: number,
): Refusal | undefined {
  const may = new Set(judges(state).map(toHex));
  const said = new Set<string>();
  for (const bytes of signed) {
    const opened = open(bytes, known, domain);
    const bad = isRefusal(opened) ? opened : verifyOpened(opened);
    if (isRefusal(opened) || bad)
      return badVerdict(bad?.message ?? 'it is no signed verdict', wanted);
    const word = opened.value as ValueOf<typeof verdict>;
    const who = toHex(opened.sender);
    if (!equalBytes(word.subject, subject)) return badVerdict('one is about another proof', wanted);
    if (!allowed.includes(word.verdict)) return badVerdict('one says something else', wanted);
    if (!may.has(who)) return badVerdict(`${who} is no validator`, wanted);
    said.add(who);
  }
  return said.size >= wanted
    ? undefined
    : badVerdict(`${said.size} validators have spoken`, wanted);
}

function badVerdict(why: string, wanted: number): Refusal {
  return refuse(
    'sectors/bad-verdicts',
    `Verdicts of ${wanted} validators are needed, and ${why}.`,
    { next: 'Ask validators to check the proof.' },
  );
}
