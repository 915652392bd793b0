/**
 * A fixed script of about two hundred transactions of every kind, good and refused, through several
 * sessions with an equivocation and absent validators. Whatever runs it must end in the same app
 * hash: another version of Node, another engine, another implementation
 * (spec/vectors/app-hash.json).
 */
import { bindNodeKey, nodeKeyConsent, revokeNodeKey, send } from '@palisade/chain/schema';
import { digestOf, toHex } from '@palisade/core';
import {
  cancel,
  complain,
  complete,
  FINDING,
  JOB_STATE,
  partnerComplete,
  rebut,
  renew,
  reportChallenge,
  reportOmission,
  UTILITY,
} from '@palisade/market';
import {
  type BlockOptions,
  type KitValidator,
  machineOf,
  PAL,
  validatorOf,
} from '../../chain/test/chain-kit.ts';
import { Challenges } from './challenge-kit.ts';
import { Duties } from './duty-kit.ts';
import {
  CLIENTS,
  type ClientName,
  type Market,
  PARTNERS,
  type PartnerName,
  RATE,
  startMarket,
} from './market-kit.ts';

export type Golden = {
  readonly transactions: number;
  readonly refused: number;
  readonly height: number;
  readonly genesisAppHash: string;
  /** The app hash of the last block of each session, and of the very last block. */
  readonly appHashes: readonly { readonly height: number; readonly appHash: string }[];
};

class Script {
  readonly market: Market;
  transactions = 0;
  refused = 0;
  readonly appHashes: { height: number; appHash: string }[] = [];
  private last = '';

  constructor(market: Market) {
    this.market = market;
  }

  async block(txs: readonly Uint8Array[], options: BlockOptions = {}): Promise<void> {
    const { chain } = this.market;
    const { number } = chain.session;
    const before = { height: Number(chain.height), appHash: this.last };
    const block = await chain.block(txs, options);
    this.transactions += txs.length;
    this.refused += block.results.filter(({ code }) => code !== 0).length;
    this.last = toHex(block.appHash);
    if (chain.session.number !== number) this.appHashes.push(before);
  }

  /** Ends the session and waits for the randomness of the next. */
  async endSession(): Promise<void> {
    const { chain } = this.market;
    for (let i = 0; i < 2; i++) await this.block([]);
    const end = chain.session.startMs + 60_000n;
    await this.block([], { afterMs: end - chain.timeMs });
    while (chain.session.randomnessHeight === 0n) await this.block([]);
  }

  finish(genesisAppHash: string): Golden {
    const height = Number(this.market.chain.height);
    this.appHashes.push({ height, appHash: this.last });
    const { transactions, refused, appHashes } = this;
    return { transactions, refused, height, genesisAppHash, appHashes };
  }
}

type Work = {
  readonly job: Uint8Array;
  readonly client: ClientName;
  readonly partner: PartnerName;
};

/** Twenty jobs of three clients, for four partners. */
async function requests(script: Script): Promise<Work[]> {
  const { market } = script;
  const txs: Uint8Array[] = [];
  for (let i = 0; i < 20; i++)
    txs.push(
      await market.requestTx(CLIENTS[i % 3]!, {
        partners: 1 + (i % 2),
        sessions: 2 + (i % 4),
        maxRate: RATE + BigInt(i),
      }),
    );
  // Refused: too long a term, and money that is not there.
  txs.push(await market.requestTx('alice', { sessions: 1000 }));
  txs.push(await market.requestTx('bert', { maxRate: 10n ** 30n }));
  await script.block(txs);
  const ids = await Promise.all(txs.slice(0, 20).map((tx) => market.chain.idOf(tx)));
  return ids.map((job, i) => ({ job, client: CLIENTS[i % 3]!, partner: PARTNERS[i % 4]! }));
}

async function starts(script: Script, works: readonly Work[]): Promise<void> {
  const { market } = script;
  const txs: Uint8Array[] = [];
  for (const { job, client, partner } of works) {
    txs.push(await market.startTx(client, partner, job));
    // The same voucher again, and one by the wrong client.
    txs.push(await market.startTx(client, partner, job));
    const stranger = CLIENTS.find((name) => name !== client)!;
    txs.push(await market.startTx(stranger, partner, job, { sequence: 2 }));
  }
  await script.block(txs);
}

/** Each partner answers unless the session's number says that it sleeps. */
async function answers(script: Script, works: readonly Work[]): Promise<void> {
  const { market } = script;
  const session = Number(market.chain.session.number);
  const txs: Uint8Array[] = [];
  for (const [i, { job, partner }] of works.entries())
    if ((session + i) % 5 !== 0 && partner !== 'p3') txs.push(await market.answerTx(partner, job));
  await script.block(txs, { absent: [session % 4] });
}

async function sends(script: Script): Promise<void> {
  const { chain } = script.market;
  const txs: Uint8Array[] = [];
  for (let i = 0; i < 12; i++)
    txs.push(
      await chain.sign(chain.account(CLIENTS[i % 3]!), send, {
        to: chain.account(i % 5 === 0 ? 'newcomer' : CLIENTS[(i + 1) % 3]!).id,
        denom: i % 7 === 6 ? 'gold' : 'pal',
        amount: BigInt(i) * PAL,
      }),
    );
  await script.block(txs);
}

/** A machine is bound, a second claim on it refused; an old machine is revoked. */
async function machines(script: Script): Promise<void> {
  const { chain } = script.market;
  const [owner, fresh] = [chain.account('p3-owner'), machineOf('fresh')];
  const consent = await fresh.sign(digestOf(nodeKeyConsent, { account: owner.id }, chain.domain));
  const binding = { nodeKey: fresh.id, label: 'fresh', consent };
  const nodeKey = chain.machine('p3').id;
  await script.block([
    await chain.sign(owner, bindNodeKey, binding),
    await chain.sign(chain.account('alice'), bindNodeKey, binding),
    await chain.sign(owner, revokeNodeKey, { nodeKey }),
    await chain.sign(chain.account('bert'), revokeNodeKey, { nodeKey }),
  ]);
}

async function endings(script: Script, works: readonly Work[]): Promise<void> {
  const { market } = script;
  const { chain } = market;
  const { number } = chain.session;
  const [one, two, three, , five, six] = works;
  await script.block([
    await chain.sign(market.client(one!.client), cancel, { job: one!.job }),
    await chain.sign(
      market.client(two!.client),
      complete,
      await market.partnerSigned(two!.partner, two!.job, number),
    ),
    await chain.sign(
      market.partner(three!.partner),
      partnerComplete,
      await market.clientSigned(three!.client, three!.partner, three!.job, number + 1n),
    ),
    await chain.sign(market.client(five!.client), renew, { job: five!.job, sessions: 3 }),
    await chain.sign(market.client(six!.client), cancel, { job: five!.job }),
  ]);
}

/** Computation of two partners: one ends by a receipt, of the other only vouchers are left. */
async function computations(script: Script): Promise<Uint8Array> {
  const { market } = script;
  const tx = await market.requestTx('cleo', {
    utility: UTILITY.computation,
    partners: 2,
    sessions: 2,
  });
  const job = await market.chain.idOf(tx);
  await script.block([tx]);
  await script.block([
    await market.startTx('cleo', 'p0', job, { sessions: 2 }),
    await market.startTx('cleo', 'p1', job, { sessions: 2 }),
  ]);
  await script.block([
    await market.fileTx('cleo', 'p0', job, { sequence: 1, units: 10n, amount: RATE / 4n }),
    await market.fileTx('cleo', 'p1', job, { sequence: 2, units: 20n, amount: RATE / 2n }),
    // The same sequence for less, an older one, and more than was bound.
    await market.fileTx('cleo', 'p1', job, { sequence: 2, units: 20n, amount: RATE / 8n }),
    await market.fileTx('cleo', 'p1', job, { sequence: 1, units: 30n, amount: RATE }),
    await market.fileTx('cleo', 'p0', job, { sequence: 9, amount: 3n * RATE }),
  ]);
  return job;
}

async function receiptOf(script: Script, job: Uint8Array): Promise<void> {
  const { market } = script;
  const { number } = market.chain.session;
  const use = { units: 40n, amount: RATE, result: new Uint8Array(32).fill(4) };
  const receipt = await market.clientSigned('cleo', 'p0', job, number, 4, use);
  await script.block([await market.chain.sign(market.partner('p0'), partnerComplete, receipt)]);
}

/** One complaint is rebutted, another is not, a third is about a stranger; a cancellation is left out. */
async function complaints(script: Script): Promise<void> {
  const { market } = script;
  const { chain } = market;
  const duties = new Duties(market);
  const { responsible, others } = duties.answering('p1');
  const ready = await duties.ready('p1');
  const heard = await Promise.all(
    [...responsible, others[0]!].map((validator) => duties.hears(validator, 'p1', ready)),
  );
  const request = await market.requestTx('bert');
  const job = await chain.idOf(request);
  await script.block([request]);
  const cancelled = await chain.sign(market.client('bert'), cancel, { job });
  const omission = await duties.omission(others[0]!, cancelled);
  for (let i = 0; i < 3; i++) await script.block([]);
  const accused = [...responsible, others[0]!];
  const partner = market.partner('p1');
  const filed = [];
  for (const [i, validator] of accused.entries())
    filed.push(await chain.sign(partner, complain, duties.complaint(job, validator, heard[i]!)));
  await script.block(filed);
  const word = await duties.told('p1', job, accused[0]!);
  await script.block([
    await chain.sign(duties.machine(accused[0]!), rebut, duties.rebuttal('p1', job, word)),
    await chain.sign(duties.machine(accused[1]!), rebut, duties.rebuttal('p1', job, word)),
    await chain.sign(market.client('cleo'), reportOmission, omission),
  ]);
}

/** Two validators find p2 missing, one says so of p1; a third, a second word and a success are refused. */
async function challenges(script: Script): Promise<void> {
  const { market } = script;
  const { chain } = market;
  const kit = new Challenges(market);
  const report = async (
    validator: KitValidator,
    partner: PartnerName,
    finding: number = FINDING.unreachable,
    answer: Uint8Array = new Uint8Array(),
  ) => {
    const fields = await kit.fields(partner, { finding, answer });
    return chain.sign(kit.machine(validator), reportChallenge, fields);
  };
  const [first, second] = kit.pair('p2');
  const [one, other] = kit.pair('p1');
  await script.block([
    await report(first, 'p2'),
    await report(chain.validators[0]!, 'p2'),
    await report(one, 'p1'),
  ]);
  await script.block([
    await report(second, 'p2', FINDING.wrongLeaves),
    await report(one, 'p1'),
    await report(other, 'p1', FINDING.passed, await kit.answer('p1', other)),
  ]);
}

function faultsOfValidators({ market }: Script): number {
  const duties = new Duties(market);
  const standings = market.chain.validators.map((validator) => duties.standing(validator));
  return standings.reduce((sum, { failuresInRow }) => sum + failuresInRow, 0);
}

/** Runs the script from genesis. */
export async function runGolden(): Promise<Golden> {
  const market = await startMarket({
    weights: [10n, 10n, 10n, 10n, 10n],
    passive: 3,
    bonds: 50n * PAL,
  });
  const script = new Script(market);
  await script.block([]);
  await script.endSession();
  const works = await requests(script);
  await starts(script, works);
  await sends(script);
  await answers(script, works);
  await script.endSession();
  await answers(script, works);
  await endings(script, works);
  await script.endSession();
  await machines(script);
  const { address } = validatorOf(2);
  const validator = { address, power: 10n };
  const { height } = market.chain;
  const proof = {
    type: 'duplicate-vote',
    validator,
    height,
    timeNs: 0n,
    totalVotingPower: 50n,
  } as const;
  await script.block([], { misbehavior: [proof] });
  await complaints(script);
  await challenges(script);
  const computation = await computations(script);
  for (let i = 0; i < 4; i++) {
    await script.block([]);
    await answers(script, works);
    if (i === 1) await receiptOf(script, computation);
    await sends(script);
    await script.endSession();
  }
  const { state } = market.job(computation);
  // An equivocation, an omission, a complaint that was upheld.
  const faults = faultsOfValidators(script);
  if (faults !== 3) throw new Error(`validators have ${faults} faults`);
  const { challengeFinding } = market.standing('p2');
  if (challengeFinding !== FINDING.wrongLeaves) throw new Error('p2 passed its challenge');
  if (state !== JOB_STATE.resolved) throw new Error(`the computation is in state ${state}`);
  return script.finish(toHex(market.chain.genesisAppHash));
}
