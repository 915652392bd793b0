/**
 * A walk over the market that fills a table: every command, by everybody, at a job in every state.
 * It picks what the table lacks, and otherwise lets life go on.
 */
import type { CommandHandler } from '@palisade/chain';
import { type Declaration, toHex } from '@palisade/core';
import {
  cancel,
  complain,
  fileVoucher,
  JOB_STATE,
  jobs,
  marketModule,
  postBond,
  rebut,
  reportChallenge,
  request,
  returnBond,
  start,
} from '@palisade/market';
import {
  type Actor,
  ATTEMPTS,
  type Cast,
  EVIDENCE_SESSIONS,
  ROLES,
  type RoleName,
  type Scene,
  tampered,
  UNHEARD,
} from './attempts.ts';
import { Duties } from './duty-kit.ts';
import { CLIENTS, type Market, PARTNERS, startMarket, TEST_PARAMS } from './market-kit.ts';

export type StateName = 'none' | keyof typeof JOB_STATE;
/** In the order in which a job may pass through them. */
export const STATES: readonly StateName[] = [
  'none',
  'confirmed',
  'started',
  'disputed',
  'completed',
  'cancelled',
  'resolved',
];

/** Where a job may go from where it is. */
export const NEXT: Readonly<Record<StateName, readonly StateName[]>> = {
  none: ['confirmed'],
  confirmed: ['started', 'cancelled'],
  started: ['disputed', 'completed', 'cancelled'],
  disputed: ['completed', 'cancelled', 'resolved'],
  completed: [],
  cancelled: [],
  resolved: [],
};

export type Cell = {
  readonly state: StateName;
  readonly command: string;
  readonly role: RoleName;
};
export type Count = { accepted: number; refused: number };

export function keyOf({ command, role, state }: Cell): string {
  return `${command} by ${role} at ${state}`;
}

/**
 * Why a cell cannot occur: a command of machines, and clients are people. To all commands but one it
 * does not matter whether a validator has a seat: there the cells of one with a seat say it all.
 */
export function canSign({ name, signer }: Declaration, role: RoleName): boolean {
  if (role === 'passive validator') return name === reportChallenge.name;
  return signer === 'account' || (role !== 'client' && role !== 'other client');
}

/** The clients that act; the other one is only ever left out. */
const ACTING = CLIENTS.filter((name) => name !== UNHEARD);

const DUTIES = {
  ...TEST_PARAMS.duties,
  evidenceSessions: Number(EVIDENCE_SESSIONS),
  maxOpenComplaints: 1000,
};

/** Of the kit. */
const BLOCK_MS = 1000n;
const SESSION_MS = 60_000n;
/** The number of ten with which a session ends early; below, the step goes towards what is wanted. */
const LATE = 8;

/** Numbers below `sides` from a seed, the same for the same seed (mulberry32, public domain). */
function diceOf(seed: number): (sides: number) => number {
  let a = seed;
  return (sides) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

/** What makes that a cell can be, at the same job. */
function firstFor({ state, command, role }: Cell): Cell | undefined {
  if (command === returnBond.name) return { state, command: postBond.name, role };
  if (command === rebut.name) return { state, command: complain.name, role: 'partner' };
  if (state === 'cancelled') return { state: 'started', command: cancel.name, role: 'client' };
  return undefined;
}

export async function startWalk(seed: number): Promise<Walk> {
  const market = await startMarket({
    weights: [10n],
    passive: 2,
    market: { duties: DUTIES },
  });
  await market.chain.endSession();
  await market.chain.endSession();
  return new Walk(market, diceOf(seed));
}

export class Walk {
  readonly commands: readonly CommandHandler[];
  readonly counts = new Map<string, Count>();
  /** Changes of a job's state that were seen. */
  readonly changes = new Set<string>();
  readonly #market: Market;
  readonly #duties: Duties;
  readonly #die: (sides: number) => number;
  readonly #funds: bigint;
  readonly #casts: { readonly cast: Cast; state: StateName }[] = [];

  constructor(market: Market, die: (sides: number) => number) {
    this.#market = market;
    this.#duties = new Duties(market);
    this.#die = die;
    this.#funds = market.chain.totalFunds() + market.chain.burned();
    this.commands = marketModule(market.chain.domain).commands ?? [];
  }

  /** One step, mostly towards a cell of `wanted` that is possible now. */
  async step(wanted: readonly Cell[]): Promise<void> {
    const kind = this.#isLate() ? LATE : this.#die(10);
    if (kind === LATE) await this.#market.chain.endSession();
    else if (kind > LATE || !(await this.#towards(this.#pick(wanted))))
      await this.#attempt(this.#anything());
    this.#check();
  }

  /** Whether the next block would end the session: it does so without a command in it. */
  #isLate(): boolean {
    const { timeMs, session } = this.#market.chain;
    return timeMs + BLOCK_MS >= session.startMs + SESSION_MS;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#die(from.length)]!;
  }

  /** Tries a cell where it can be, or makes that it can; false when nothing can be done. */
  async #towards(cell: Cell): Promise<boolean> {
    if (await this.#attempt(cell)) return true;
    const first = firstFor(cell);
    const cast = first && this.#some(first);
    if (!cast) return false;
    await this.#attempt(first, cast);
    this.#check();
    await this.#attempt(cell, cast);
    return true;
  }

  /** Mostly what keeps life going. */
  #anything(): Cell {
    const kind = this.#die(4);
    if (kind === 0) return { state: 'none', command: request.name, role: 'client' };
    if (kind === 1) return { state: 'confirmed', command: start.name, role: 'partner' };
    if (kind === 2) return { state: 'started', command: fileVoucher.name, role: 'partner' };
    const { declaration } = this.#pick(this.commands);
    const role = this.#pick(ROLES.filter((name) => canSign(declaration, name)));
    return { state: this.#pick(STATES), command: declaration.name, role };
  }

  /** Jobs in a state; of those that are not there, there is always another. */
  #at(state: StateName): readonly Cast[] {
    if (state === 'none') return [this.#cast(new Uint8Array(32).map(() => this.#die(256)))];
    return this.#casts.filter((known) => known.state === state).map(({ cast }) => cast);
  }

  #cast(id: Uint8Array, client = this.#pick(ACTING)): Cast {
    const first = this.#die(PARTNERS.length);
    const partner = PARTNERS[first]!;
    return {
      id,
      client,
      otherClient: ACTING.find((name) => name !== client)!,
      partner,
      otherPartner: PARTNERS[(first + 1 + this.#die(PARTNERS.length - 1)) % PARTNERS.length]!,
      validator: this.#duties.answering(partner).responsible[0]!,
      passive: this.#pick(this.#market.chain.passive),
    };
  }

  #actor(cast: Cast, role: RoleName): Actor {
    const market = this.#market;
    if (role === 'client') return { account: market.client(cast.client) };
    if (role === 'other client') return { account: market.client(cast.otherClient) };
    if (role === 'validator' || role === 'passive validator') {
      const validator = role === 'validator' ? cast.validator : cast.passive;
      return { account: validator.owner, machine: this.#duties.machine(validator) };
    }
    const name = role === 'partner' ? cast.partner : cast.otherPartner;
    return { account: market.owner(name), machine: market.partner(name) };
  }

  /** Some job at which a cell can be: the newest have most before them. */
  #some(cell: Cell): Cast | undefined {
    const casts = this.#at(cell.state).filter((cast) => this.#canBe(cell, cast));
    return casts.length === 0 ? undefined : this.#pick(this.#die(3) > 0 ? casts.slice(-2) : casts);
  }

  /** Whether what a cell takes is there; the first time that does not matter. */
  #canBe(cell: Cell, cast: Cast): boolean {
    const { canBe } = ATTEMPTS[cell.command]!;
    return !canBe || !this.counts.has(keyOf(cell)) || canBe(this.#scene(cell, cast));
  }

  #scene({ role }: Cell, cast: Cast): Scene {
    const job = jobs.get(this.#market.chain.state, cast.id);
    const actor = this.#actor(cast, role);
    return { market: this.#market, duties: this.#duties, cast, job, role, actor, die: this.#die };
  }

  /** False when it cannot be. */
  async #attempt(cell: Cell, cast = this.#some(cell)): Promise<boolean> {
    if (!cast || !this.#canBe(cell, cast)) return false;
    const { declaration } = this.commands.find(
      (handler) => handler.declaration.name === cell.command,
    )!;
    const { make, proof } = ATTEMPTS[cell.command]!;
    const scene = this.#scene(cell, cast);
    const honest = await make(scene);
    const isLie = proof !== undefined && this.#die(8) === 0;
    const fields = isLie ? tampered(honest, proof) : honest;
    const { machine, account } = scene.actor;
    const signer = declaration.signer === 'node' ? machine! : account;
    const tx = await this.#market.chain.sign(signer, declaration, fields as never);
    const accepted = await this.#run(cell, tx);
    if (isLie && accepted) throw new Error(`a lie was accepted: ${keyOf(cell)}`);
    const isClient = cell.role === 'client' || cell.role === 'other client';
    if (accepted && cell.command === request.name && isClient) {
      const client = cell.role === 'client' ? cast.client : cast.otherClient;
      const id = await this.#market.chain.idOf(tx);
      this.#casts.push({ cast: this.#cast(id, client), state: 'none' });
    }
    return true;
  }

  /** True when it was accepted. A refused one has changed nothing but fee and nonce. */
  async #run(cell: Cell, tx: Uint8Array): Promise<boolean> {
    const { chain } = this.#market;
    const before = chain.purses();
    const { results } = await chain.decide(await chain.proposeAsIs([tx]));
    const { code, codespace } = results[0]!;
    if (code === 2) throw new Error(`${keyOf(cell)} could not even be paid for: ${codespace}`);
    if (code !== 0) await chain.expectNoTrace(before, tx, true);
    const count = this.counts.get(keyOf(cell)) ?? { accepted: 0, refused: 0 };
    count[code === 0 ? 'accepted' : 'refused']++;
    this.counts.set(keyOf(cell), count);
    return code === 0;
  }

  /** No unit came or went, and jobs went where they may. The kit checks all other laws in every block. */
  #check(): void {
    const { chain } = this.#market;
    const funds = chain.totalFunds() + chain.burned();
    if (funds !== this.#funds) throw new Error(`there were ${this.#funds} units, now ${funds}`);
    for (const known of this.#casts) {
      const { state } = jobs.need(chain.state, known.cast.id);
      const [now] = Object.entries(JOB_STATE).find(([, value]) => value === state)!;
      if (now === known.state) continue;
      if (!NEXT[known.state].includes(now as StateName))
        throw new Error(`job ${toHex(known.cast.id)} went from ${known.state} to ${now}`);
      this.changes.add(`${known.state} to ${now}`);
      known.state = now as StateName;
    }
  }
}
