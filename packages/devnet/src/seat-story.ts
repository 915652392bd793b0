/**
 * How seats change hands, told in a few lines: the first sector that is proven, the first power that
 * is lent, and from then on one line for each session whose seats are others than before.
 */
import { type ChainClient, type ChainEvent, connect } from '@palisade/client';
import { type Json, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { seatsQuery } from '@palisade/power';
import type { RunningDevnet } from './devnet.ts';
import { accountOf, type NodeIdentity } from './network.ts';

export type SeatStory = {
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Tells until the signal is given. */
export async function tellSeats(
  { network, urls }: RunningDevnet,
  { tell, signal }: SeatStory,
): Promise<void> {
  const chain = connect({ urls });
  const { height } = await chain.status();
  const validators = namesOf(network.validators, ({ nodeSecret }) => ed25519.publicKey(nodeSecret));
  const partners = namesOf(network.partners, accountOf);
  const teller = new Teller(chain, tell, { validators, partners });
  const topics = ['sectors.', 'power.'];
  for await (const event of chain.events({ topics, from: height + 1n, signal }))
    await teller.hear(event);
}

function namesOf(
  all: readonly NodeIdentity[],
  idOf: (one: NodeIdentity) => Uint8Array,
): ReadonlyMap<string, string> {
  return new Map(all.map((one) => [toHex(idOf(one)), one.name]));
}

type Names = {
  readonly validators: ReadonlyMap<string, string>;
  /** By account. */
  readonly partners: ReadonlyMap<string, string>;
};

class Teller {
  readonly #chain: ChainClient;
  readonly #tell: (line: string) => void;
  readonly #names: Names;
  /** What is told once. */
  readonly #told = new Set<string>();
  #seats: readonly string[] = [];

  constructor(chain: ChainClient, tell: (line: string) => void, names: Names) {
    this.#chain = chain;
    this.#tell = tell;
    this.#names = names;
  }

  async hear({ name, height, data }: ChainEvent): Promise<void> {
    const fields = data as { readonly [field: string]: Json };
    const miner = () => this.#names.partners.get(String(fields.miner)) ?? String(fields.miner);
    const say = (text: string) => this.#tell(`block ${height}: ${text}`);
    const once = (text: string) => {
      if (!this.#told.has(name)) say(text);
      this.#told.add(name);
    };
    if (name === 'sectors.proven')
      once(`${miner()} is the first to prove a sealed sector; with its first window it is power`);
    if (name === 'power.delegated') {
      const to = this.#nameOf(fields.collator);
      const amount = `${Number(fields.amount) / 2 ** 20} MiB`;
      once(`${miner()} is the first to lend power: ${amount} to ${to}; the next session sees it`);
    }
    if (name === 'sectors.faulty')
      say(`${miner()} could not prove ${fields.sectors} sectors: their power is gone for now`);
    if (name === 'power.seats-drawn' && Number(fields.candidates) > 0)
      once(
        `session ${fields.session} draws the seats of the next: ${fields.candidates} collators took part. Check it: npx palisade draw verify ${fields.session}`,
      );
    if (name === 'power.seats-taken') await this.#tellSeats(BigInt(String(fields.session)), say);
  }

  #nameOf(nodeKey: Json | undefined): string {
    return this.#names.validators.get(String(nodeKey)) ?? String(nodeKey);
  }

  async #tellSeats(session: bigint, say: (text: string) => void): Promise<void> {
    const found = await this.#chain.find(seatsQuery, { session });
    if (!found) return;
    const drawn = found.seats.seatings.filter(({ snapshot }) => snapshot > 0n);
    const seats = drawn.map(({ nodeKey }) => this.#nameOf(toHex(nodeKey))).sort();
    if (seats.join() !== this.#seats.join())
      say(`session ${session}: drawn by lent power, ${seats.join(', ')} have seats`);
    this.#seats = seats;
  }
}
