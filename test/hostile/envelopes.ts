/**
 * Signed things that must be refused: from plain noise to envelopes that are right in all but one
 * respect. None of them can be paid for, so none may leave a trace in the state.
 */
import {
  byteList,
  bytes,
  concat,
  type Declaration,
  type Domain,
  decode,
  digestOf,
  encode,
  record,
  seal,
  signingDomain,
  text,
  toHex,
} from '@palisade/core';
import { ed25519, secp256k1, sha256 } from '@palisade/core/crypto';
import {
  accept,
  clientConnectReport,
  noticeAck,
  offer,
  partnerConnectReport,
  ready,
  request,
  signOff,
  subscribe,
  workQuery,
} from '@palisade/market';
import type { Rng } from './rng.ts';
import type { Sent, Target } from './target.ts';
import { randomValue } from './values.ts';

/** The outer form, written down a second time: what passes it has come past the first decoder. */
const envelope = record('Envelope', {
  chain: bytes(4),
  name: text(64),
  sender: byteList(32),
  body: byteList(96 * 1024),
  signature: byteList(65),
});

/** Whether bytes have the outer form of an envelope. */
export function passesOuterDecoder(data: Uint8Array): boolean {
  try {
    decode(envelope, data);
    return true;
  } catch {
    return false;
  }
}

/** A key of one of the two kinds, as who signs. */
type Key = { readonly id: Uint8Array; sign(digest: Uint8Array): Uint8Array };

function accountKey(secret: Uint8Array): Key {
  return {
    id: secp256k1.addressOf(secret),
    sign: (digest) => secp256k1.sign(digest, secret),
  };
}

function nodeKey(secret: Uint8Array): Key {
  return { id: ed25519.publicKey(secret), sign: (digest) => ed25519.sign(digest, secret) };
}

/** Order of secp256k1 (SEC 2, 2.4.1): s and n - s sign the same, but only the lower one may. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature with the high s. */
export function highS(signature: Uint8Array): Uint8Array {
  const s = BigInt(toHex(signature.slice(32, 64)));
  const other = (ORDER - s).toString(16).padStart(64, '0');
  const flipped = signature.slice();
  flipped.set(Buffer.from(other, 'hex'), 32);
  flipped[64] = signature[64] === 27 ? 28 : 27;
  return flipped;
}

const MESSAGES: readonly Declaration[] = [
  ready,
  signOff,
  offer,
  subscribe,
  workQuery,
  noticeAck,
  accept,
  clientConnectReport,
  partnerConnectReport,
] as never;
/** Requests count nonces of their own, transfers and the like those of the main lane. */
const FAR_NONCE = 1_000n;
/** Keys of each kind that nobody knows: to make a new one for each case is slow. */
const STRANGERS = 64;

/** Which declarations, keys and domain the cases are made with. */
export class EnvelopeMaker {
  private readonly rng: Rng;
  private readonly domain: Domain;
  private readonly commands: readonly Declaration[];
  private readonly client: Key;
  private readonly partner: Key;
  private readonly nowMs: () => number;
  private readonly strangers: { readonly accounts: readonly Key[]; readonly nodes: readonly Key[] };

  constructor(rng: Rng, { node, network, nowMs }: Target) {
    this.rng = rng;
    this.domain = node.domain;
    this.commands = [...node.application.known.values()];
    this.client = accountKey(network.clientSecret);
    this.partner = nodeKey(network.partners[0]!.nodeSecret);
    this.nowMs = nowMs;
    const some = (make: (secret: Uint8Array) => Key) =>
      Array.from({ length: STRANGERS }, () => make(sha256(rng.bytes(32))));
    this.strangers = { accounts: some(accountKey), nodes: some(nodeKey) };
  }

  private stranger(declaration: Declaration): Key {
    const { accounts, nodes } = this.strangers;
    return this.rng.pick(declaration.signer === 'account' ? accounts : nodes);
  }

  private friend(declaration: Declaration): Key {
    return declaration.signer === 'account' ? this.client : this.partner;
  }

  private any(): Declaration {
    return this.rng.pick(this.rng.chance(0.6) ? this.commands : MESSAGES);
  }

  private signed(declaration: Declaration, value: unknown, by: Key, domain = this.domain) {
    const signature = by.sign(digestOf(declaration, value, domain));
    return seal(declaration, value, domain, by.id, signature);
  }

  /** Good in form and signature, by somebody whom nobody knows and who has nothing. */
  private byStranger(declaration = this.any()): Uint8Array {
    const key = this.stranger(declaration);
    const value = randomValue(this.rng, declaration.schema);
    return this.signed(declaration, value, key);
  }

  /** Every kind of bytes, with how often it comes. */
  private readonly kinds: readonly (readonly [
    weight: number,
    kind: string,
    make: () => Uint8Array,
  ])[] = [
    [8, 'noise', () => this.rng.bytes(this.rng.below(600))],
    [8, 'mutated', () => this.mutated()],
    [8, 'cut or grown', () => this.resized()],
    [20, 'outer fields at random', () => this.outerAtRandom()],
    [10, 'inner bytes changed', () => this.innerChanged()],
    [20, 'random values, random signature', () => this.randomSignature()],
    [8, 'unknown name', () => this.unknownName()],
    [6, 'other chain', () => this.otherChain()],
    [6, 'high s', () => this.withHighS()],
    [4, 'signature of another length', () => this.signatureLength()],
    [8, 'stranger', () => this.byStranger()],
    [6, 'nonce gap', () => this.nonceGap()],
    [4, 'fee too low', () => this.feeTooLow()],
    [6, 'void message of a partner', () => this.voidMessage()],
    [1, 'too large', () => this.rng.bytes(this.rng.between(97 * 1024, 300 * 1024))],
  ];

  next(): { readonly kind: string; readonly data: Uint8Array } {
    const [kind, make] = this.rng.weighted(
      this.kinds.map(([weight, name, maker]) => [weight, [name, maker] as const] as const),
    );
    return { kind, data: make() };
  }

  private mutated(): Uint8Array {
    const data = this.byStranger();
    for (let i = this.rng.between(1, 4); i > 0; i--)
      data[this.rng.below(data.length)]! ^= 1 << this.rng.below(8);
    return data;
  }

  private resized(): Uint8Array {
    const data = this.byStranger();
    if (this.rng.chance(0.5)) return data.slice(0, this.rng.below(data.length));
    return concat(data, this.rng.bytes(this.rng.between(1, 100)));
  }

  private outerAtRandom(): Uint8Array {
    const { rng } = this;
    const declaration = this.any();
    const body = encode(declaration.schema, randomValue(rng, declaration.schema));
    return encode(envelope, {
      chain: rng.chance(0.8) ? this.domain.genesisHash.slice(0, 4) : rng.bytes(4),
      name: rng.chance(0.8) ? declaration.name : this.any().name,
      sender: rng.bytes(rng.pick([0, 1, 19, 20, 20, 31, 32, 32])),
      body: rng.chance(0.6) ? body : rng.bytes(rng.below(400)),
      signature: rng.bytes(rng.pick([0, 1, 64, 64, 65, 65])),
    });
  }

  private innerChanged(): Uint8Array {
    const { chain, name, sender, body, signature } = decode(envelope, this.byStranger());
    const changed = this.rng.chance(0.3)
      ? body.slice(0, this.rng.below(body.length + 1))
      : body.map((byte) => (this.rng.chance(0.05) ? this.rng.below(256) : byte));
    return encode(envelope, { chain, name, sender, body: changed, signature });
  }

  private randomSignature(): Uint8Array {
    const declaration = this.any();
    const value = randomValue(this.rng, declaration.schema);
    const account = declaration.signer === 'account';
    const sender = this.rng.chance(0.5)
      ? this.friend(declaration).id
      : this.rng.bytes(account ? 20 : 32);
    const signature = this.rng.bytes(account ? 65 : 64);
    if (account && this.rng.chance(0.7)) signature[64] = 27 + this.rng.below(2);
    return seal(declaration, value, this.domain, sender, signature);
  }

  private unknownName(): Uint8Array {
    const known = decode(envelope, this.byStranger());
    const name = this.rng.pick([
      '',
      'x',
      'market.request2',
      'market.',
      '__proto__',
      'é'.repeat(32),
    ]);
    return encode(envelope, { ...known, name });
  }

  private otherChain(): Uint8Array {
    const other = signingDomain(sha256(this.rng.bytes(8)));
    const declaration = this.any();
    const value = randomValue(this.rng, declaration.schema);
    const foreign = this.signed(declaration, value, this.friend(declaration), other);
    if (this.rng.chance(0.5)) return foreign;
    // Signed for the other chain, but made to look like ours.
    return encode(envelope, {
      ...decode(envelope, foreign),
      chain: this.domain.genesisHash.slice(0, 4),
    });
  }

  private withHighS(): Uint8Array {
    const declaration = this.rng.pick(this.commands.filter(({ signer }) => signer === 'account'));
    const value = randomValue(this.rng, declaration.schema);
    const signature = highS(this.client.sign(digestOf(declaration, value, this.domain)));
    return seal(declaration, value, this.domain, this.client.id, signature);
  }

  private signatureLength(): Uint8Array {
    const good = decode(envelope, this.byStranger());
    const length = this.rng.below(good.signature.length);
    return encode(envelope, { ...good, signature: good.signature.slice(0, length) });
  }

  private nonceGap(): Uint8Array {
    const declaration = this.rng.pick(this.commands);
    const fixed = { nonce: FAR_NONCE + this.rng.bigint(60), maxFee: 10n ** 18n };
    const value = { ...(randomValue(this.rng, declaration.schema) as object), ...fixed } as Record<
      string,
      unknown
    >;
    if (declaration.name === request.name) value.client = this.client.id;
    return this.signed(declaration, value, this.friend(declaration));
  }

  private feeTooLow(): Uint8Array {
    const declaration = this.rng.pick(this.commands.filter(({ signer }) => signer === 'node'));
    const value = {
      ...(randomValue(this.rng, declaration.schema) as object),
      nonce: 0n,
      maxFee: this.rng.bigint(40),
    };
    return this.signed(declaration, value, this.partner);
  }

  /** By a partner whom everybody knows, but not to be believed. */
  private voidMessage(): Uint8Array {
    const now = BigInt(this.nowMs());
    const past = now - 1n - this.rng.bigint(30);
    const { rng, partner } = this;
    return rng.pick([
      () =>
        this.signed(ready as never, randomValue(rng, ready.schema, { expiresMs: past }), partner),
      () => this.signed(offer as never, randomValue(rng, offer.schema), partner),
      () =>
        this.signed(
          offer as never,
          randomValue(rng, offer.schema, { ready: this.byStranger(ready as never).slice(0, 2048) }),
          partner,
        ),
      () =>
        this.signed(
          subscribe as never,
          { atMs: rng.chance(0.5) ? past - 61_000n : now + 61_000n + rng.bigint(40) },
          partner,
        ),
      () => this.signed(accept as never, randomValue(rng, accept.schema), this.client),
      () => this.signed(workQuery as never, { atMs: past - 61_000n }, partner),
      () => this.signed(noticeAck as never, randomValue(rng, noticeAck.schema), partner),
      () =>
        this.signed(
          clientConnectReport as never,
          randomValue(rng, clientConnectReport.schema),
          this.client,
        ),
      () =>
        this.signed(
          partnerConnectReport as never,
          randomValue(rng, partnerConnectReport.schema),
          partner,
        ),
    ])();
  }
}

/** Names of messages and of the one command that have a route of their own. */
const ROUTES: ReadonlyMap<string, string> = new Map([
  [request.name, '/v1/jobs'],
  [ready.name, '/v1/partners'],
  [offer.name, '/v1/offers'],
  [signOff.name, '/v1/partners/sign-off'],
  [workQuery.name, '/v1/work'],
  [noticeAck.name, '/v1/notices/acknowledgements'],
  [accept.name, 'accept'],
  [clientConnectReport.name, 'connect-reports'],
  [partnerConnectReport.name, 'connect-reports'],
  [subscribe.name, 'notices'],
]);

function fittingRoute(data: Uint8Array): string {
  try {
    return ROUTES.get(decode(envelope, data).name) ?? '/v1/transactions';
  } catch {
    return '/v1/transactions';
  }
}

/** Where signed things go: mostly where they fit, but each anywhere. */
export function sentTo(rng: Rng, data: Uint8Array): Sent {
  const anywhere = ['/v1/transactions', ...ROUTES.values()];
  const way = rng.chance(0.75) ? fittingRoute(data) : rng.pick(anywhere);
  // A subscription stands in the address, which has a bound of its own.
  if (way === 'notices' && data.length < 5000)
    return { method: 'GET', path: `/v1/notices?subscribe=${toHex(data)}` };
  const type = rng.chance(0.8)
    ? 'application/octet-stream'
    : rng.pick(['application/json', 'x', 'multipart/form-data']);
  const headers = { 'content-type': type };
  if (way === 'accept' || way === 'connect-reports')
    return { method: 'POST', path: `/v1/jobs/${toHex(rng.bytes(32))}/${way}`, body: data, headers };
  const path = way === 'notices' ? '/v1/transactions' : way;
  return { method: 'POST', path, body: data, headers };
}
