import fc from 'fast-check';
import { hashTypedData, recoverTypedDataAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { toHex } from '../bytes.ts';
import { list, record } from '../schema/composite.ts';
import {
  address,
  bool,
  byteList,
  bytes,
  bytes32,
  text,
  u8,
  u16,
  u32,
  u64,
  u128,
} from '../schema/schema.ts';
import { command } from './declaration.ts';
import { catalogue, isRefusal, type Opened, open, openChecked, seal } from './envelope.ts';
import { accountSigner, nodeSigner, signEnvelope, verifyOpened } from './sign.ts';
import { digestOf, signingDomain, typedData } from './typed-data.ts';

const domain = signingDomain(new Uint8Array(32).fill(9));
const everything = command({
  name: 'test.everything',
  title: 'Everything',
  doc: 'One field of each kind',
  signer: 'account',
  fields: {
    to: address.is('who'),
    amount: u128,
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    yes: bool,
    id: bytes32,
    tag: bytes(4),
    data: byteList(100),
    note: text(40),
    legs: list(record('Leg', { to: address, parts: list(u64, 4) }), 3),
  },
});
const ping = command({
  name: 'test.ping',
  title: 'Ping',
  doc: '',
  signer: 'node',
  fields: { at: u64 },
});
const known = catalogue([everything, ping]);

const blob = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyValue = fc.record({
  to: blob(20),
  amount: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  a: fc.integer({ min: 0, max: 255 }),
  b: fc.integer({ min: 0, max: 65535 }),
  c: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  yes: fc.boolean(),
  id: blob(32),
  tag: blob(4),
  data: fc.uint8Array({ maxLength: 100 }),
  note: fc
    .string({ maxLength: 10 })
    .filter((s) => everything.schema.fields.note !== undefined && !/[\p{Cc}\p{Cs}]/u.test(s)),
  legs: fc.array(
    fc.record({
      to: blob(20),
      parts: fc.array(fc.bigInt({ min: 0n, max: 99n }), { maxLength: 4 }),
    }),
    { maxLength: 3 },
  ),
  nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  maxFee: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
});
const secret = new Uint8Array(32).fill(3);

describe('a declaration', () => {
  it('[P1] hashes as an independent EIP-712 library does', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const typed = typedData(everything, value, domain) as never;
        expect(toHex(digestOf(everything, value, domain))).toBe(hashTypedData(typed));
      }),
    );
  });

  it('[P1] keeps its value through SSZ and through JSON', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const json = JSON.parse(JSON.stringify(everything.schema.toJson(value)));
        expect(everything.schema.fromJson(json, '')).toEqual(value);
        const sealed = seal(everything, value, domain, value.to, new Uint8Array(65));
        expect((open(sealed, known, domain) as Opened).value).toEqual(value);
      }),
    );
  });

  it('names the field that is wrong, what it is and what it should be', () => {
    const json = everything.schema.toJson(sample()) as Record<string, unknown>;
    expect(() => everything.schema.fromJson({ ...json, amount: '-1' }, '')).toThrow(
      'amount must be a decimal number below 2^128, written as a string, but it is "-1".',
    );
    expect(() => everything.schema.fromJson({ ...json, extra: 1 }, '')).toThrow(
      "has no field 'extra'",
    );
    expect(() => everything.schema.fromJson({ ...json, note: '\u001b[2J' }, '')).toThrow('control');
  });
});

describe('an envelope', () => {
  it('[P1] is signed by an account and recovered by an independent library', async () => {
    const value = sample();
    const signer = accountSigner(secret);
    const opened = open(
      await signEnvelope(everything, value, domain, signer),
      known,
      domain,
    ) as Opened;
    expect(verifyOpened(opened)).toBeUndefined();
    const typed = typedData(everything, value, domain) as never as Parameters<
      typeof recoverTypedDataAddress
    >[0];
    const recovered = await recoverTypedDataAddress({
      ...typed,
      signature: toHex(opened.signature) as `0x${string}`,
    });
    expect(recovered.toLowerCase()).toBe(toHex(signer.id));
  });

  it('is refused with a reason when any byte of it is changed', async () => {
    const bytes = await signEnvelope(
      ping,
      { at: 5n, nonce: 1n, maxFee: 2n },
      domain,
      nodeSigner(secret),
    );
    expect(verifyOpened(open(bytes, known, domain) as Opened)).toBeUndefined();
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 1;
      const opened = open(changed, known, domain);
      const refusal = isRefusal(opened) ? opened : verifyOpened(opened);
      expect(refusal?.code, `byte ${i}`).toMatch(/^envelope\//);
    }
  });

  it('[ENG] that was checked before opens to the same, whatever it holds', () => {
    fc.assert(
      fc.property(anyValue, blob(20), blob(65), (value, sender, signature) => {
        const bytes = seal(everything, value, domain, sender, signature);
        const opened = open(bytes, known, domain) as Opened;
        expect(openChecked(bytes, known, opened)).toEqual(opened);
      }),
    );
  });

  it('of another chain is told so', async () => {
    const other = signingDomain(new Uint8Array(32).fill(8));
    const bytes = await signEnvelope(
      ping,
      { at: 5n, nonce: 1n, maxFee: 2n },
      other,
      nodeSigner(secret),
    );
    expect(open(bytes, known, domain)).toMatchObject({ code: 'envelope/wrong-chain' });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(isRefusal(open(bytes, known, domain))).toBe(true);
      }),
    );
  });
});

function sample() {
  return {
    to: new Uint8Array(20).fill(1),
    amount: 5n,
    a: 1,
    b: 2,
    c: 3,
    d: 4n,
    yes: true,
    id: new Uint8Array(32).fill(2),
    tag: new Uint8Array(4),
    data: new Uint8Array(3),
    note: 'hello',
    legs: [{ to: new Uint8Array(20), parts: [1n] }],
    nonce: 0n,
    maxFee: 10n,
  };
}
