/**
 * Hostile transactions: genuine ones whose members are bent before they are encoded, so that they pass
 * the outer decoder, and encodings with single bytes changed. A second opinion on what is well formed
 * is asked of the items themselves.
 */
import { concat, equalBytes, isRefusal } from '@palisade/core';
import { decodeRlp, encodeRlp, type RlpItem } from '@palisade/formats';
import { type Dialect, decodeSigned, encodeSigned, v1, v2 } from '@palisade/payments';
import type { Dice } from './dice.ts';

const word = (dice: Dice): Uint8Array => {
  const bytes = new Uint8Array(32);
  // From block 1 to about 4 million.
  bytes.set(dice.bytes(7), 25);
  bytes[25] = 0;
  bytes[26]! |= 1;
  return bytes;
};
const small = (dice: Dice): Uint8Array => {
  const bytes = dice.bytes(1 + dice.roll(32));
  bytes[0]! |= 1;
  return bytes;
};
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

function genuine(dice: Dice): RlpItem[] {
  const owner = () => {
    const bytes = dice.bytes(20);
    bytes[0]! |= 1;
    return bytes;
  };
  const output = (type: number): RlpItem => [
    Uint8Array.of(type),
    [owner(), dice.bytes(20), small(dice)],
  ];
  if (dice.once(8)) return [[], Uint8Array.of(3), [output(2)], dice.bytes(32)];
  const inputs = times(dice.roll(5), () => word(dice));
  return [
    times(inputs.length, () => dice.bytes(65)),
    Uint8Array.of(1),
    inputs,
    times(1 + dice.roll(4), () => output(1)),
    new Uint8Array(),
    dice.bytes(32),
  ];
}

/** Something that stands where something else belongs. */
function odd(dice: Dice, item: RlpItem): RlpItem {
  const other: readonly (() => RlpItem)[] = [
    () => [],
    () => [item],
    () => new Uint8Array(),
    () => Uint8Array.of(0),
    () => new Uint8Array(20),
    () => new Uint8Array(32),
    () => dice.bytes(dice.roll(40)),
    () => (item instanceof Uint8Array ? concat(Uint8Array.of(0), item) : item.slice(1)),
    () => (item instanceof Uint8Array ? item.slice(1) : [...item, ...item]),
    () => (item instanceof Uint8Array ? concat(item, item) : [...item, item]),
  ];
  return dice.pick(other)();
}

/** The item with one member, at any depth, replaced, dropped or doubled. */
function bend(dice: Dice, item: RlpItem): RlpItem {
  if (item instanceof Uint8Array || item.length === 0 || dice.once(6)) return odd(dice, item);
  const at = dice.roll(item.length);
  if (dice.once(12)) return item.filter((_, i) => i !== at);
  return item.map((inner, i) => (i === at ? bend(dice, inner) : inner));
}

export type Case = { readonly bytes: Uint8Array; readonly dialect: Dialect };

export function hostileCase(dice: Dice): Case {
  const dialect = dice.pick([v1, v2]);
  let item: RlpItem = genuine(dice);
  for (let i = dice.roll(3); i > 0; i--) item = bend(dice, item);
  const bytes = encodeRlp(item);
  if (!dice.once(5)) return { bytes, dialect };
  const changed = Uint8Array.from(bytes);
  changed[dice.roll(bytes.length)] = dice.roll(256);
  return { bytes: dice.once(4) ? changed.subarray(0, dice.roll(bytes.length)) : changed, dialect };
}

const isBytes = (item: RlpItem | undefined, length: number): boolean =>
  item instanceof Uint8Array && item.length === length;
const isNumber = (item: RlpItem | undefined): boolean =>
  item instanceof Uint8Array && item.length <= 32 && item[0] !== 0;
const isSome = (bytes: RlpItem | undefined): boolean =>
  bytes instanceof Uint8Array && bytes.some((byte) => byte !== 0);
const isListOf = (
  item: RlpItem | undefined,
  max: number,
  of: (inner: RlpItem) => boolean,
): boolean => Array.isArray(item) && item.length <= max && item.every(of);

function isOutput(item: RlpItem): boolean {
  if (item instanceof Uint8Array || item.length !== 2) return false;
  const [type, data] = item;
  if (!isNumber(type) || !isSome(type) || (type as Uint8Array).length > 2) return false;
  if (!Array.isArray(data) || data.length !== 3) return false;
  const [owner, token, amount] = data;
  return isBytes(owner, 20) && isSome(owner) && isBytes(token, 20) && isNumber(amount);
}

function isInput(dialect: Dialect, item: RlpItem): boolean {
  if (!(item instanceof Uint8Array) || item.length !== 32) return false;
  let position = 0n;
  for (const byte of item) position = position * 256n + BigInt(byte);
  const tx = (position % 10n ** 9n) / 10n ** 4n;
  const block = position / 10n ** 9n;
  return block >= 1n && block <= BigInt(dialect.maxBlockNumber) && tx <= 65_535n;
}

/** The second opinion: whether items are a signed transaction. */
function isWellFormed(dialect: Dialect, item: RlpItem): boolean {
  if (item instanceof Uint8Array) return false;
  const { maxInputs, maxOutputs } = dialect;
  const [signatures, type, ...rest] = item;
  if (!isListOf(signatures, maxInputs, (one) => isBytes(one, 65))) return false;
  if (!isBytes(type, 1)) return false;
  if ((type as Uint8Array)[0] === 3) {
    const [outputs, nonce] = rest;
    if (rest.length !== 2 || !isListOf(outputs, 1, isOutput) || !isBytes(nonce, 32)) return false;
    return (outputs as RlpItem[]).length === 1;
  }
  if ((type as Uint8Array)[0] !== 1 || rest.length !== 4) return false;
  const [inputs, outputs, data, metadata] = rest;
  if (!isListOf(inputs, maxInputs, (one) => isInput(dialect, one))) return false;
  if (!isListOf(outputs, maxOutputs, isOutput) || (outputs as RlpItem[]).length === 0) return false;
  return isBytes(data, 0) && isBytes(metadata, 32);
}

export type Tally = { past: number; accepted: number };

/** Tries one case. @throws Error when the decoder and the second opinion differ, or bytes change */
export function tryCase({ bytes, dialect }: Case, tally: Tally): void {
  let item: RlpItem | undefined;
  try {
    item = decodeRlp(bytes, { maxBytes: 1024, maxDepth: 4, maxItems: 64 });
    tally.past++;
  } catch {
    item = undefined;
  }
  const decoded = decodeSigned(dialect, bytes);
  const good = item !== undefined && isWellFormed(dialect, item);
  if (good === isRefusal(decoded))
    throw new Error(`well formed: ${good}; decoder: ${isRefusal(decoded) && decoded.message}`);
  if (isRefusal(decoded)) return;
  tally.accepted++;
  const again = encodeSigned(decoded.transaction, decoded.signatures);
  if (!equalBytes(again, bytes)) throw new Error('what was decoded has another encoding');
}
