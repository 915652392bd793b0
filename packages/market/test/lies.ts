/** Ways to cheat the market. Each is a transaction that no state of it may accept. */
import { answerAudit, cancel, partnerComplete } from '@palisade/market';
import { CLIENTS, type ClientName, type Market, PARTNERS, type PartnerName } from './market-kit.ts';

/** A job, its true client, and a partner that may work for it. */
type Scene = {
  readonly market: Market;
  readonly job: Uint8Array;
  readonly partner: PartnerName;
  readonly client: ClientName;
  readonly maxRate: bigint;
  readonly term: number;
  readonly session: number;
  readonly die: number;
};
type Told = { readonly payer: string; readonly tx: Uint8Array };
type Lie = (scene: Scene) => Promise<Told>;

function strangerTo(client: ClientName): ClientName {
  return CLIENTS.find((name) => name !== client)!;
}

type Answer = ReturnType<Market['answerFields']>;

async function answering({ market, partner }: Scene, fields: Answer): Promise<Told> {
  const tx = await market.chain.sign(market.partner(partner), answerAudit, fields);
  return { payer: `${partner}-owner`, tx };
}

const damagedLeaf: Lie = (scene) => {
  const fields = scene.market.answerFields(scene.partner, scene.job);
  const [first, ...rest] = fields.proofs;
  const forged = { ...first!, leaf: first!.leaf.with(0, first!.leaf[0]! ^ 1) };
  return answering(scene, { ...fields, proofs: [forged, ...rest] });
};

const answerOfAnother: Lie = (scene) => {
  const other = PARTNERS.find((name) => name !== scene.partner)!;
  return answering(scene, scene.market.answerFields(other, scene.job));
};

const answerForAnotherSession: Lie = (scene) => {
  const session = BigInt(scene.session + (scene.die % 2 === 0 || scene.session === 0 ? 1 : -1));
  return answering(scene, { ...scene.market.answerFields(scene.partner, scene.job), session });
};

const voucherOfAStranger: Lie = async ({ market, job, partner, client, maxRate, term }) => {
  const voucher = { sequence: 9, rate: maxRate, sessions: term };
  const tx = await market.startTx(strangerTo(client), partner, job, voucher);
  return { payer: `${partner}-owner`, tx };
};

const rateAboveTheHighest: Lie = async ({ market, job, partner, client, maxRate, term, die }) => {
  const voucher = { sequence: 9, rate: maxRate + 1n + BigInt(die), sessions: term };
  const tx = await market.startTx(client, partner, job, voucher);
  return { payer: `${partner}-owner`, tx };
};

const cancelByAStranger: Lie = async ({ market, job, client }) => {
  const stranger = strangerTo(client);
  const tx = await market.chain.sign(market.client(stranger), cancel, { job });
  return { payer: stranger, tx };
};

const receiptOfAStranger: Lie = async ({ market, job, partner, client, session }) => {
  const { sequence } = market.agreementIfAny(job, partner) ?? { sequence: 1 };
  const last = BigInt(session);
  const receipt = await market.clientSigned(strangerTo(client), partner, job, last, sequence);
  const tx = await market.chain.sign(market.partner(partner), partnerComplete, receipt);
  return { payer: `${partner}-owner`, tx };
};

const escrowThatIsNotThere: Lie = async ({ market, client }) => {
  const tx = await market.requestTx(client, { maxRate: 10n ** 30n });
  return { payer: client, tx };
};

const usageOfAStranger: Lie = async ({ market, job, partner, client }) => {
  const tx = await market.fileTx(strangerTo(client), partner, job, { sequence: 9 });
  return { payer: `${partner}-owner`, tx };
};

/** More than any job of these stories can lock. */
const FORTUNE = 10n ** 30n;

const usageAboveTheCeiling: Lie = async ({ market, job, partner, client }) => {
  const tx = await market.fileTx(client, partner, job, { sequence: 9, amount: FORTUNE });
  return { payer: `${partner}-owner`, tx };
};

/** A voucher from before, when more is owed already; where nothing is, one that was never given. */
const usageTakenBack: Lie = async ({ market, job, partner, client }) => {
  const { usageSequence, vouched } = market.agreementIfAny(job, partner) ?? NOTHING_FILED;
  const less = { sequence: usageSequence + 1, amount: vouched - 1n };
  const tx = await market.fileTx(client, partner, job, vouched > 0n ? less : { sequence: 0 });
  return { payer: `${partner}-owner`, tx };
};

const NOTHING_FILED = { usageSequence: 0, vouched: 0n };

const receiptAboveTheCeiling: Lie = async ({ market, job, partner, client, session }) => {
  const use = { amount: FORTUNE };
  const receipt = await market.clientSigned(client, partner, job, BigInt(session), 9, use);
  const tx = await market.chain.sign(market.partner(partner), partnerComplete, receipt);
  return { payer: `${partner}-owner`, tx };
};

export const LIES: readonly Lie[] = [
  damagedLeaf,
  answerOfAnother,
  answerForAnotherSession,
  voucherOfAStranger,
  rateAboveTheHighest,
  cancelByAStranger,
  receiptOfAStranger,
  usageOfAStranger,
  usageAboveTheCeiling,
  usageTakenBack,
  receiptAboveTheCeiling,
  escrowThatIsNotThere,
];
