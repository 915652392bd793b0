/**
 * Transactions of a busy market, signed ahead of time so that signing is not measured. A block has
 * 60 % transfers, 20 % job requests, 10 % starts of jobs of the block before (with the client's
 * voucher in them, a second signature), 10 % answers to audits of what started in the block before
 * (contents of 1 KiB: one leaf). Half of the requests find no partner, as in a market with choice.
 */
import { NATIVE, nodeKeys, Overlay, type State, send } from '@palisade/chain';
import {
  concat,
  type Declaration,
  type Domain,
  describeContent,
  digestOf,
  equalBytes,
  idOf,
  seal,
  utf8,
} from '@palisade/core';
import { ed25519, secp256k1, sha256 } from '@palisade/core/crypto';
import { answerAudit, postBond, rateVoucher, request, start } from '@palisade/market';
import { type DrivenChain, indexBytes } from './driven-chain.ts';

/** The mix, transactions per block of 1 000. */
export const MIX = { transfers: 600, requests: 200, starts: 100, answers: 100 } as const;
/** Partners at work: each starts and answers one job per block. */
const PARTNERS = MIX.starts;
/** Accounts that send, at most: the others only receive. */
const MAX_SENDERS = 20_000;
/** Bytes of each stored content. */
const CONTENT_BYTES = 1024;
/** Base units per session of each job. */
export const RATE = 10n ** 12n;
/** More than any fee here. */
const MAX_FEE = 10n ** 18n;
const SESSIONS = 6;
/** More than the bond that a new partner posts here. */
const BOND = 10n ** 19n;

export type Account = {
  readonly secret: Uint8Array;
  readonly address: Uint8Array;
  nonces: [bigint, bigint];
};
export type Partner = { readonly secret: Uint8Array; readonly nodeKey: Uint8Array; nonce: bigint };
export type OpenJob = {
  readonly id: Uint8Array;
  readonly client: Account;
  readonly content: Uint8Array;
};

export type MarketActors = {
  /** Every account of the chain: those that send come first. */
  readonly accounts: readonly Uint8Array[];
  readonly partners: readonly Partner[];
  /** Binds the partners' node keys and posts their bonds; once, before anything else. */
  prepare(chain: DrivenChain): Promise<void>;
  transfer(): Uint8Array;
  ask(): { readonly tx: Uint8Array; readonly job: OpenJob };
  begin(partner: Partner, job: OpenJob): Uint8Array;
  answer(partner: Partner, job: OpenJob, session: bigint): Uint8Array;
};

export type MarketLoad = Pick<MarketActors, 'accounts' | 'prepare'> & {
  /** The next block's transactions; starts and answers appear from the second and third block on. */
  next(): Uint8Array[];
};

function secretOf(role: string, index: number): Uint8Array {
  return sha256(concat(utf8(`palisade/bench/${role}/`), indexBytes(index)));
}

export function range<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** Who sends and stores on a chain with `count` accounts. */
export function marketActors(count: number, domain: Domain, sessions = SESSIONS): MarketActors {
  const senders = range(Math.min(count, MAX_SENDERS), (i): Account => {
    const secret = secretOf('account', i);
    return { secret, address: secp256k1.addressOf(secret), nonces: [0n, 0n] };
  });
  const accounts = [
    ...senders.map(({ address }) => address),
    // Nobody will sign for these: any twenty bytes are an address.
    ...range(count - senders.length, (i) => secretOf('receiver', i).slice(0, 20)),
  ];
  const partners = range(PARTNERS, (i): Partner => {
    const secret = secretOf('partner', i);
    return { secret, nodeKey: ed25519.publicKey(secret), nonce: 0n };
  });
  let turn = 0;
  let seen = 0;

  const nextSender = () => senders[turn++ % senders.length]!;
  /** Spreads over all accounts without a pattern that a cache could learn. */
  const nextReceiver = (sender: Account): Uint8Array => {
    const hash = sha256(indexBytes(seen++));
    const index = new DataView(hash.buffer, hash.byteOffset).getUint32(0) % accounts.length;
    const receiver = accounts[index]!;
    return equalBytes(receiver, sender.address)
      ? accounts[(index + 1) % accounts.length]!
      : receiver;
  };
  const signed = <T>(declaration: Declaration<T>, value: T, by: Account | Partner): Uint8Array => {
    const digest = digestOf(declaration, value, domain);
    if ('address' in by)
      return seal(declaration, value, domain, by.address, secp256k1.sign(digest, by.secret));
    return seal(declaration, value, domain, by.nodeKey, ed25519.sign(digest, by.secret));
  };

  const transfer = (): Uint8Array => {
    const sender = nextSender();
    const nonce = sender.nonces[0]++;
    const to = nextReceiver(sender);
    const value = { to, denom: NATIVE.denom, amount: 10n ** 15n, nonce, maxFee: MAX_FEE };
    return signed(send, value, sender);
  };
  const ask = (): { readonly tx: Uint8Array; readonly job: OpenJob } => {
    const client = nextSender();
    const content = new Uint8Array(CONTENT_BYTES).fill(seen++ & 0xff);
    content.set(client.address);
    const value = {
      client: client.address,
      utility: 1,
      subject: describeContent([content]).contentId,
      size: BigInt(CONTENT_BYTES),
      partners: 1,
      sessions,
      maxRate: RATE,
      nonce: client.nonces[1]++,
      maxFee: MAX_FEE,
    };
    const id = idOf(digestOf(request, value, domain), client.address);
    return { tx: signed(request, value, client), job: { id, client, content } };
  };
  const begin = (partner: Partner, { id, client }: OpenJob): Uint8Array => {
    const terms = { job: id, sequence: 1, rate: RATE, sessions };
    const voucher = digestOf(rateVoucher, { ...terms, partner: partner.nodeKey }, domain);
    const clientSignature = secp256k1.sign(voucher, client.secret);
    const value = { ...terms, clientSignature, nonce: partner.nonce++, maxFee: MAX_FEE };
    return signed(start, value, partner);
  };
  const answer = (partner: Partner, { id, content }: OpenJob, session: bigint): Uint8Array => {
    const proofs = [{ leafIndex: 0n, leaf: content, path: [] }];
    const value = { job: id, session, proofs, nonce: partner.nonce++, maxFee: MAX_FEE };
    return signed(answerAudit, value, partner);
  };

  return {
    accounts: [...accounts, ...partners.map(({ nodeKey }) => nodeKey.slice(0, 20))],
    partners,
    async prepare(chain) {
      const { application } = chain;
      const overlay: State & Overlay = new Overlay(application.committed);
      for (const { nodeKey } of partners)
        nodeKeys.set(overlay, [nodeKey], {
          account: nodeKey.slice(0, 20),
          nonce: 0n,
          revoked: 0,
          label: '',
          sinceHeight: 0n,
        });
      await application.committed.commit(overlay.changes());
      const bond = (partner: Partner) => {
        const value = { total: BOND, nonce: partner.nonce++, maxFee: MAX_FEE };
        return signed(postBond, value, partner);
      };
      await chain.block(partners.map(bond));
    },
    transfer,
    ask,
    begin,
    answer,
  };
}

/** Load of a chain with `count` accounts. */
export function marketLoad(count: number, domain: Domain): MarketLoad {
  const actors = marketActors(count, domain);
  const { accounts, partners, prepare, ask, begin, answer, transfer } = actors;
  let requested: OpenJob[] = [];
  let started: { readonly job: OpenJob; readonly partner: Partner }[] = [];
  return {
    accounts,
    prepare,
    next() {
      const requests = range(MIX.requests, ask);
      const answers = started.map(({ partner, job }) => answer(partner, job, 0n));
      started = requested.slice(0, MIX.starts).map((job, i) => ({ job, partner: partners[i]! }));
      const starts = started.map(({ partner, job }) => begin(partner, job));
      requested = requests.map(({ job }) => job);
      const transfers = range(MIX.transfers, transfer);
      return [...requests.map(({ tx }) => tx), ...transfers, ...answers, ...starts];
    },
  };
}
