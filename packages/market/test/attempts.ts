/**
 * How each command is tried at a job: as its partner or client would honestly do it now. Whoever
 * has no business there tries it with what belongs to them, as if it had been overheard.
 */
import { digestOf, equalBytes, type Signer } from '@palisade/core';
import {
  agreements,
  answerAudit,
  cancel,
  complain,
  complaints,
  complete,
  decidedIn,
  fileVoucher,
  type Job,
  jobs,
  partnerComplete,
  postBond,
  rebut,
  renew,
  reportChallenge,
  reportOmission,
  reportResult,
  request,
  returnBond,
  runResult,
  start,
  UTILITY,
} from '@palisade/market';
import type { KitValidator } from '../../chain/test/chain-kit.ts';
import { probationBonds } from '../src/standing/records.ts';
import { Challenges } from './challenge-kit.ts';
import type { Duties } from './duty-kit.ts';
import { type ClientName, type Market, PARTNERS, type PartnerName } from './market-kit.ts';

/** What somebody is to the job at hand. At a job that is not there, it is who claims to be that. */
export const ROLES = [
  'client',
  'other client',
  'partner',
  'other partner',
  'validator',
  'passive validator',
] as const;
export type RoleName = (typeof ROLES)[number];

/** Who plays what at one job. */
export type Cast = {
  readonly id: Uint8Array;
  readonly client: ClientName;
  readonly otherClient: ClientName;
  /** Whom the client gives its vouchers. */
  readonly partner: PartnerName;
  readonly otherPartner: PartnerName;
  /** One that answers for the partner. */
  readonly validator: KitValidator;
  /** One of those without a seat: it may have to challenge the partner. */
  readonly passive: KitValidator;
};

/** Clients are people: they have an account and no machine. */
export type Actor = { readonly account: Signer; readonly machine?: Signer };

export type Scene = {
  readonly market: Market;
  readonly duties: Duties;
  readonly cast: Cast;
  readonly job: Job | undefined;
  readonly role: RoleName;
  readonly actor: Actor;
  readonly die: (sides: number) => number;
};

type Fields = Readonly<Record<string, unknown>>;
type Attempt = {
  readonly make: (scene: Scene) => Fields | Promise<Fields>;
  /** Whether what it takes is there now; always when left out. */
  readonly canBe?: (scene: Scene) => boolean;
  /** The field that proves something: with another byte in it, it is a lie. */
  readonly proof?: string;
};

/** A client of which nothing ever reaches a block: its requests are omitted. */
export const UNHEARD: ClientName = 'cleo';

/** Access is to the chain what computation is. */
const UTILITIES = [UTILITY.storage, UTILITY.computation] as const;

/** Sessions for which a job can be complained of: however long it took to where it is. */
export const EVIDENCE_SESSIONS = 8n;

function runningSession({ market }: Scene): bigint {
  return market.chain.session.number;
}

/** Blocks for which an omitted transaction has been missing: more than it may. */
const MISSING_BLOCKS = 4n;

function agreementOf({ market, cast }: Scene) {
  return market.agreementIfAny(cast.id, cast.partner);
}

/** Whether vouchers, answers and receipts can still come. */
function isUnsettled(scene: Scene): boolean {
  return agreementOf(scene)?.endHeight === 0n;
}

/** Whose bond it is about: of a machine its own, of people that of the partner at hand. */
function bondOf({ market, cast, actor }: Scene) {
  const { id } = actor.machine ?? market.partner(cast.partner);
  return probationBonds.get(market.chain.state, id);
}

/** The receipt that both sides would agree on now. */
function receiptOf(scene: Scene) {
  const { market, job } = scene;
  const { number } = market.chain.session;
  const agreement = agreementOf(scene);
  if (!agreement || job?.utility === UTILITY.storage)
    return { last: number, sequence: agreement?.sequence ?? 1, use: {} };
  const { lastSession, usageSequence, units, vouched: amount } = agreement;
  const last = [lastSession, number].toSorted((a, b) => Number(a - b))[0]!;
  return { last, sequence: usageSequence, use: { units, amount } };
}

/** Partners complain for themselves; a validator finds the words of one. */
function complainant({ cast, role }: Scene): PartnerName {
  return role === 'other partner' ? cast.otherPartner : cast.partner;
}

async function complaint(scene: Scene): Promise<Fields> {
  const { market, duties, cast, job } = scene;
  const name = complainant(scene);
  const accused =
    name === cast.partner || !job
      ? cast.validator
      : duties.answeringIn(job.session, name).responsible[0]!;
  const said = await duties.ready(name, job ? { utility: job.utility } : {});
  const height = (job?.height ?? market.chain.height) - 1n;
  const heard = await duties.hears(accused, name, said, { height });
  return duties.complaint(cast.id, accused, heard);
}

/** A result of the job by the partner, and two others that the client was given for the same work. */
async function wrongResult({ market, cast }: Scene): Promise<Fields> {
  const { state } = market.chain;
  const found = new Map<PartnerName, Uint8Array>();
  for (const [[id], job] of jobs.list(state)) {
    if (job.utility !== UTILITY.computation) continue;
    if (!equalBytes(job.client, market.client(cast.client).id)) continue;
    for (const name of PARTNERS)
      if (name !== cast.partner && agreements.has(state, id, market.partner(name).id))
        found.set(name, id);
  }
  const others = PARTNERS.filter((name) => name !== cast.partner);
  const [first, second] = found.size < 2 ? others : [...found.keys()];
  const said = async (name: PartnerName, job: Uint8Array, byte: number) => {
    const output = new Uint8Array(32).fill(byte);
    const result = { job, end: 1, output, outputSize: 3, fuel: 100n };
    const signer = market.partner(name);
    const signature = await signer.sign(digestOf(runResult, result, market.chain.domain));
    return { ...result, partner: signer.id, signature };
  };
  return {
    rejected: await said(cast.partner, cast.id, 1),
    first: await said(first!, found.get(first!) ?? cast.id, 2),
    second: await said(second!, found.get(second!) ?? cast.id, 2),
  };
}

/** By name of the command. One that is not here makes the test fail. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  [request.name]: {
    make: ({ market, die }) =>
      market.terms({
        utility: UTILITIES[die(UTILITIES.length)]!,
        sessions: 1 + die(2),
        maxRate: 1000n + BigInt(die(1000)),
      }),
  },
  [start.name]: {
    make: (scene) => {
      const { market, cast, job } = scene;
      return market.voucher(cast.client, cast.partner, cast.id, {
        sequence: (agreementOf(scene)?.sequence ?? 0) + 1,
        rate: job?.maxRate ?? 1n,
        sessions: job?.sessions ?? 1,
      });
    },
    proof: 'clientSignature',
  },
  [answerAudit.name]: {
    make: ({ market, cast, job }) =>
      job
        ? market.answerFields(cast.partner, cast.id)
        : { job: cast.id, session: market.chain.session.number, proofs: [] },
    canBe: (scene) => isUnsettled(scene) && scene.job?.utility === UTILITY.storage,
    proof: 'proofs',
  },
  [fileVoucher.name]: {
    make: (scene) => {
      const { market, cast } = scene;
      const { usageSequence, vouched, units } = agreementOf(scene) ?? NOTHING_FILED;
      const usage = { sequence: usageSequence + 1, units: units + 1n, amount: vouched + 1n };
      return market.usage(cast.client, cast.partner, cast.id, usage);
    },
    canBe: (scene) => isUnsettled(scene) && scene.job?.utility !== UTILITY.storage,
    proof: 'clientSignature',
  },
  [complete.name]: {
    make: (scene) => {
      const { last, sequence, use } = receiptOf(scene);
      return scene.market.partnerSigned(scene.cast.partner, scene.cast.id, last, sequence, use);
    },
    canBe: isUnsettled,
    proof: 'partnerSignature',
  },
  [partnerComplete.name]: {
    make: (scene) => {
      const { client, partner, id } = scene.cast;
      const { last, sequence, use } = receiptOf(scene);
      return scene.market.clientSigned(client, partner, id, last, sequence, use);
    },
    canBe: isUnsettled,
    proof: 'clientSignature',
  },
  [cancel.name]: { make: ({ cast }) => ({ job: cast.id }) },
  [renew.name]: { make: ({ cast }) => ({ job: cast.id, sessions: 1 }) },
  [postBond.name]: {
    make: (scene) => ({ total: (bondOf(scene)?.amount ?? 0n) + 1n }),
  },
  [returnBond.name]: {
    make: ({ market, cast, actor }) => ({
      partner: (actor.machine ?? market.partner(cast.partner)).id,
    }),
    canBe: (scene) => {
      const bond = bondOf(scene);
      return bond !== undefined && bond.amount > 0n && bond.session < runningSession(scene);
    },
  },
  [complain.name]: {
    make: complaint,
    canBe: (scene) => {
      const { job } = scene;
      return job !== undefined && job.session + EVIDENCE_SESSIONS >= runningSession(scene);
    },
    proof: 'acknowledgement',
  },
  [rebut.name]: {
    make: async ({ market, duties, cast, job }) => {
      const word = job ? await duties.told(cast.partner, cast.id, cast.validator) : NO_WORD;
      return { job: cast.id, partner: market.partner(cast.partner).id, word };
    },
    canBe: ({ market: { chain }, cast, job }) => {
      const { state } = chain;
      return (
        job !== undefined &&
        complaints.has(
          state,
          decidedIn(state, job),
          cast.id,
          cast.validator.nodeKey,
          chain.machine(cast.partner).id,
        )
      );
    },
    proof: 'word',
  },
  [reportOmission.name]: {
    make: async ({ market, duties, cast, die }) => {
      const tx = await market.requestTx(UNHEARD, { maxRate: BigInt(die(1_000_000_000)) });
      return duties.omission(cast.validator, tx, market.chain.height - MISSING_BLOCKS);
    },
    proof: 'acknowledgement',
  },
  [reportResult.name]: {
    make: wrongResult,
    canBe: (scene) =>
      scene.job?.utility === UTILITY.computation && agreementOf(scene) !== undefined,
  },
  [reportChallenge.name]: {
    make: ({ market, duties, cast }) => new Challenges(market, duties).fields(cast.partner),
    canBe: ({ market, cast }) => new Challenges(market).of(cast.partner) !== undefined,
    proof: 'ready',
  },
};

const NOTHING_FILED = { usageSequence: 0, units: 0n, vouched: 0n };
const NO_WORD = new Uint8Array(100);

/** The same with another byte in what it proves. */
export function tampered(fields: Fields, proof: string): Fields {
  const found = fields[proof];
  if (found instanceof Uint8Array) return { ...fields, [proof]: anotherByte(found) };
  const [first, ...rest] = found as readonly { readonly leaf: Uint8Array }[];
  return first
    ? { ...fields, [proof]: [{ ...first, leaf: anotherByte(first.leaf) }, ...rest] }
    : fields;
}

function anotherByte(bytes: Uint8Array): Uint8Array {
  const middle = bytes.length >> 1;
  return bytes.with(middle, bytes[middle]! ^ 1);
}
