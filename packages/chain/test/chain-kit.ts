/**
 * A chain for tests, in the words of the domain: validators with keys, accounts with funds, blocks
 * that go through prepareProposal, processProposal, finalizeBlock and commit with signed vote
 * extensions, sessions that end. After every block the invariants of all modules are checked.
 *
 * @example
 * const chain = await startChain({ accounts: { alice: 100n * PAL } });
 * await chain.run(chain.account('alice'), send, { to, denom: 'pal', amount: PAL });
 * await chain.expectRefused('accounts/zero-amount', chain.account('alice'), send, { … });
 */
import {
  activeValidators,
  balanceOf,
  currentSession,
  DEFAULT_PARAMS,
  dueReveal,
  encodeGenesis,
  FEE_POT,
  type Genesis,
  genesisHash,
  NO_EXTENSION,
  nodeKeys,
  type PalisadeApplication,
  type Session,
  sessions,
  type VoteExtension,
  voteExtension,
} from '@palisade/chain';
import {
  type Declaration,
  type Domain,
  encode,
  type KeyValueStore,
  type Signer,
  signEnvelope,
  signingDomain,
  toHex,
} from '@palisade/core';
import { ecvrf, ed25519 } from '@palisade/core/crypto';
import {
  type CommitInfo,
  type ExecTxResult,
  type ExtendedCommitInfo,
  extensionSignBytes,
  type FinalizeBlockResponse,
  type Misbehavior,
} from '@palisade/formats';
import { type Balance, balances, nonces, supplies } from '../src/accounts/state.ts';
import {
  accountOf,
  applicationOf,
  type ChainOptions,
  GENESIS_MS,
  genesisOf,
  type KitValidator,
  machineOf,
  PAL,
  passiveOf,
  validatorOf,
} from './kit-genesis.ts';

export {
  accountOf,
  type ChainOptions,
  type KitValidator,
  machineOf,
  PAL,
  passiveOf,
  validatorOf,
} from './kit-genesis.ts';

const NOTHING = new Uint8Array();
/** More than any transaction of the tests costs. */
const MAX_FEE = 2n * PAL;

/** What one block is like, beyond its transactions. */
export type BlockOptions = {
  /** Time from the block before; the chain's block time when left out. */
  readonly afterMs?: bigint;
  /** Validators whose votes on this block are missing. */
  readonly absent?: readonly number[];
  /** What validators add to their votes on this block; the honest disclosures come with it. */
  readonly missed?: Readonly<Record<number, readonly Uint8Array[]>>;
  /** Whole extensions instead, possibly nonsense. */
  readonly extensions?: Readonly<Record<number, Uint8Array>>;
  readonly misbehavior?: readonly Misbehavior[];
};

export type Block = FinalizeBlockResponse & {
  /** Results of the transactions, without that of the last votes. */
  readonly results: readonly ExecTxResult[];
};

/** What blocks write by themselves: attendance, randomness, and files on their way to partners. */
const OF_BLOCKS = /^(chain|market\/(archive(-[a-z]+)?|payout-row|rows-to-drop))\//;

/** Proofs of all chains, by secret and input: to make one costs as much as twenty blocks. */
const proofs = new Map<string, Uint8Array>();

function proofOf(secret: Uint8Array, input: Uint8Array): Uint8Array {
  const key = `${toHex(secret)}${toHex(input)}`;
  const proof = proofs.get(key) ?? ecvrf.prove(secret, input);
  proofs.set(key, proof);
  return proof;
}

/** Begins a chain: genesis is written, no block yet. */
export async function startChain(options: ChainOptions = {}): Promise<Chain> {
  const genesis = genesisOf(options);
  const domain = signingDomain(genesisHash(genesis));
  const chain = new Chain(options, genesis, domain, applicationOf(options, domain));
  await chain.begin();
  return chain;
}

type Powers = ReadonlyMap<number, bigint>;

export class Chain {
  readonly genesis: Genesis;
  readonly domain: Domain;
  readonly validators: readonly KitValidator[];
  /** Those without a seat. */
  readonly passive: readonly KitValidator[];
  application: PalisadeApplication;
  height = 0n;
  timeMs = GENESIS_MS;
  genesisAppHash: Uint8Array = NOTHING;
  private readonly options: ChainOptions;
  /** Transactions signed since the last block, by signer and lane. */
  private readonly signed = new Map<string, bigint>();
  /** Votes of the engine at the next height and the one after. */
  private powers: [Powers, Powers];
  private lastCommit: ExtendedCommitInfo = { round: 0, votes: [] };

  constructor(
    options: ChainOptions,
    genesis: Genesis,
    domain: Domain,
    application: PalisadeApplication,
  ) {
    this.options = options;
    this.genesis = genesis;
    this.domain = domain;
    this.application = application;
    const weights = options.weights ?? [10n];
    const count = weights.length + (options.standbys ?? 0);
    this.validators = Array.from({ length: count }, (_, i) => validatorOf(i));
    this.passive = passiveOf(options);
    const powers: Powers = new Map(weights.entries());
    this.powers = [powers, powers];
  }

  async begin(): Promise<void> {
    const { appHash } = await this.application.initChain({
      timeNs: this.timeMs * 1_000_000n,
      chainId: this.genesis.chainId,
      consensusParams: {} as never,
      validators: [],
      appStateBytes: encodeGenesis(this.genesis),
      initialHeight: 1n,
    });
    this.genesisAppHash = appHash;
    this.checkInvariants();
  }

  get state(): KeyValueStore {
    return this.application.committed;
  }

  /** The running session. */
  get session(): Session {
    return sessions.need(this.state, currentSession.need(this.state));
  }

  account(name: string): Signer {
    return accountOf(name);
  }

  machine(name: string): Signer {
    return machineOf(name);
  }

  /** Free native funds of an account. */
  free(who: Signer | Uint8Array): bigint {
    return balanceOf(this.state, who instanceof Uint8Array ? who : who.id).free;
  }

  /** Fee of a transaction: the base and a price per byte. */
  feeOf(tx: Uint8Array): bigint {
    return DEFAULT_PARAMS.feeBase + DEFAULT_PARAMS.feePerByte * BigInt(tx.length);
  }

  /** The nonce that the next transaction of a signer must have, those signed but not yet run counted. */
  nextNonce(signer: Signer, lane = 'main'): bigint {
    const base =
      signer.kind === 'node'
        ? (nodeKeys.get(this.state, signer.id)?.nonce ?? 0n)
        : (nonces.get(this.state, signer.id, lane) ?? 0n);
    const key = `${toHex(signer.id)} ${signer.kind === 'node' ? '' : lane}`;
    const waiting = this.signed.get(key) ?? 0n;
    this.signed.set(key, waiting + 1n);
    return base + waiting;
  }

  /** Signs a command with the next nonce and a fee limit that suffices, unless it brings its own. */
  async sign<T>(
    signer: Signer,
    declaration: Declaration<T>,
    value: Fields<T>,
  ): Promise<Uint8Array> {
    const nonce = 'nonce' in value ? {} : { nonce: this.nextNonce(signer, declaration.lane) };
    const whole = { maxFee: MAX_FEE, ...nonce, ...value } as unknown as T;
    return signEnvelope(declaration, whole, this.domain, signer);
  }

  /** Id of a transaction: what its signer signed. */
  async idOf(tx: Uint8Array): Promise<Uint8Array> {
    const [opened] = await this.application.opener.open([tx]);
    if (!opened || !('id' in opened)) throw new Error('this transaction does not open');
    return opened.id;
  }

  /** Runs one command in a block of its own; it must succeed. */
  async run<T>(signer: Signer, declaration: Declaration<T>, value: Fields<T>): Promise<Block> {
    const block = await this.block([await this.sign(signer, declaration, value)]);
    const [result] = block.results;
    if (result?.code !== 0)
      throw new Error(`${declaration.name}: ${result?.codespace} ${result?.log}`);
    return block;
  }

  /** Runs one command, which must be refused with `code`, and change nothing but fee and nonce. */
  async expectRefused<T>(
    code: string,
    signer: Signer,
    declaration: Declaration<T>,
    value: Fields<T>,
  ): Promise<void> {
    const tx = await this.sign(signer, declaration, value);
    await this.expectTxRefused(code, tx);
  }

  /** As `expectRefused`, of a transaction that is signed already. */
  async expectTxRefused(code: string, tx: Uint8Array): Promise<void> {
    const before = this.purses();
    const block = await this.block([tx]);
    const [result] = block.results;
    if (result?.codespace !== code)
      throw new Error(`${code} was expected, not '${result?.codespace}': ${result?.log}`);
    await this.expectNoTrace(before, tx, result.code === 1);
  }

  /** What every account has now, by the key of its record: to be held against what it has later. */
  purses(): ReadonlyMap<string, Balance> {
    const all = [...balances.list(this.state)];
    return new Map(all.map(([key, balance]) => [balances.keyOf(...key), balance]));
  }

  /** @throws Error when the last block, which held a refused transaction alone, changed too much. */
  async expectNoTrace(
    before: ReadonlyMap<string, Balance>,
    tx: Uint8Array,
    paid: boolean,
  ): Promise<void> {
    const [opened] = await this.application.opener.open([tx]);
    const sender = opened && 'sender' in opened ? opened.sender : NOTHING;
    const payer = sender.length === 32 ? nodeKeys.get(this.state, sender)?.account : sender;
    const purseOf = (account: Uint8Array) => balances.keyOf(account, 'pal');
    const purses = payer ? [payer, FEE_POT].map(purseOf) : [];
    for (const [key] of this.application.changes()) {
      if (OF_BLOCKS.test(key)) continue;
      if (!paid) throw new Error(`an unpaid transaction changed ${JSON.stringify(key)}`);
      if (!/^accounts\/(node-key|nonce)\//.test(key) && !purses.includes(key))
        throw new Error(`a refused transaction changed ${JSON.stringify(key)}`);
    }
    if (!paid || !payer) return;
    const was = (account: Uint8Array) => before.get(purseOf(account)) ?? { free: 0n, held: 0n };
    const fee = this.feeOf(tx);
    const [payerNow, potNow] = [balanceOf(this.state, payer), balanceOf(this.state, FEE_POT)];
    if (was(payer).free - payerNow.free !== fee || was(payer).held !== payerNow.held)
      throw new Error('a refused transaction did not cost exactly its fee');
    if (potNow.free - was(FEE_POT).free !== fee) throw new Error('the fee is not in the pot');
  }

  private commitInfo(extended: ExtendedCommitInfo): CommitInfo {
    return {
      round: extended.round,
      votes: extended.votes.map(({ validator, blockIdFlag }) => ({ validator, blockIdFlag })),
    };
  }

  /** The transactions that the next proposer would put into its block. */
  async propose(
    txs: readonly Uint8Array[],
    maxTxBytes = 1_000_000n,
  ): Promise<readonly Uint8Array[]> {
    const request = { ...this.common({}), txs, maxTxBytes, localLastCommit: this.lastCommit };
    return (await this.application.prepareProposal(request)).txs;
  }

  /** A block of exactly these transactions, as a careless proposer would make it. */
  async proposeAsIs(txs: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    return [...(await this.propose([])), ...txs];
  }

  /** Whether a validator would vote for a block of these transactions, last votes included. */
  async wouldAccept(txs: readonly Uint8Array[]): Promise<boolean> {
    const proposedLastCommit = this.commitInfo(this.lastCommit);
    const request = { ...this.common({}), txs, proposedLastCommit };
    return (await this.application.processProposal(request)).status === 'accept';
  }

  private common({ afterMs, misbehavior }: BlockOptions) {
    return {
      misbehavior: misbehavior ?? [],
      hash: new Uint8Array(32),
      height: this.height + 1n,
      timeNs: (this.timeMs + (afterMs ?? this.options.blockMs ?? 1000n)) * 1_000_000n,
      nextValidatorsHash: new Uint8Array(32),
      proposerAddress: this.validators[0]!.address,
    };
  }

  /** One block, from proposal to commit. Every transaction that is offered must fit into it. */
  async block(txs: readonly Uint8Array[] = [], options: BlockOptions = {}): Promise<Block> {
    const proposed = await this.propose(txs);
    if (!(await this.wouldAccept(proposed))) throw new Error('an honest proposal was rejected');
    return this.decide(proposed, options);
  }

  /** Lets a block be decided, whatever is in it. */
  async decide(txs: readonly Uint8Array[], options: BlockOptions = {}): Promise<Block> {
    const common = this.common(options);
    const votes = this.vote(options);
    const response = await this.application.finalizeBlock({
      ...common,
      txs,
      decidedLastCommit: this.commitInfo(this.lastCommit),
    });
    await this.application.commit({});
    this.lastCommit = votes;
    this.height = common.height;
    this.timeMs = common.timeNs / 1_000_000n;
    this.signed.clear();
    this.applyUpdates(response);
    this.checkInvariants();
    const results = this.height === 1n ? response.txResults : response.txResults.slice(1);
    return { ...response, results };
  }

  private applyUpdates({ validatorUpdates }: FinalizeBlockResponse): void {
    const [, next] = this.powers;
    const later = new Map(next);
    for (const { publicKey, power } of validatorUpdates) {
      const index = this.validators.findIndex(({ nodeKey }) => toHex(nodeKey) === toHex(publicKey));
      if (power === 0n) later.delete(index);
      else later.set(index, power);
    }
    this.powers = [next, later];
  }

  /** The votes on the next block, cast on the state before it. */
  private vote({ absent, missed, extensions }: BlockOptions): ExtendedCommitInfo {
    const height = this.height + 1n;
    const votes = [...this.powers[0]].map(([index, power]) => {
      const { address, secret } = this.validators[index]!;
      const here = !absent?.includes(index);
      const extension = here
        ? (extensions?.[index] ??
          encode(voteExtension, this.extensionOf(index, missed?.[index] ?? [])))
        : NOTHING;
      const signBytes = extensionSignBytes('kit-chain', { extension, height, round: 0 });
      return {
        validator: { address, power },
        blockIdFlag: here ? ('commit' as const) : ('absent' as const),
        voteExtension: extension,
        extensionSignature: here ? ed25519.sign(signBytes, secret) : NOTHING,
      };
    });
    return { round: 0, votes };
  }

  /** What an honest validator adds to its vote. */
  extensionOf(index: number, missed: readonly Uint8Array[] = []): VoteExtension {
    const { secret, nodeKey } = this.validators[index]!;
    const input = dueReveal(this.state, this.session, nodeKey);
    return {
      ...NO_EXTENSION,
      missed: [...missed],
      ...(input ? { reveal: proofOf(secret, input) } : {}),
    };
  }

  /** Empty blocks. */
  async blocks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.block();
  }

  /** Empty blocks in next to no time, so that they do not end a session. */
  async quietBlocks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.block([], { afterMs: 1n });
  }

  /**
   * Lets the session end, after enough quiet blocks for everyone to have been able to answer, and
   * goes on until the next one has its randomness. Answers with the block in which it ended.
   */
  async endSession(): Promise<Block> {
    await this.quietBlocks(2);
    const { startMs } = this.session;
    const end = startMs + (this.options.sessionMs ?? 60_000n);
    const block = await this.block([], { afterMs: end > this.timeMs ? end - this.timeMs : 1n });
    while (this.session.randomnessHeight === 0n) await this.block();
    return block;
  }

  /** A node that crashed and starts again on the same store. */
  restart(): void {
    this.application = applicationOf({ ...this.options, store: this.state }, this.domain);
  }

  /** @throws Error naming the law that is broken */
  checkInvariants(): void {
    for (const { invariants } of this.application.modules)
      for (const { name, check } of invariants ?? []) {
        const broken = check(this.state);
        if (broken) throw new Error(`height ${this.height}: ${name}: ${broken}`);
      }
  }

  /** Native funds of all accounts, free and held. */
  totalFunds(): bigint {
    let sum = 0n;
    for (const [[, denom], { free, held }] of balances.list(this.state))
      if (denom === 'pal') sum += free + held;
    return sum;
  }

  /** Native funds that were destroyed since genesis. */
  burned(): bigint {
    return supplies.need(this.state, 'pal').burned;
  }

  /** Names of validators that have a seat. */
  seats(): string[] {
    const names = activeValidators(this.state).map(({ validator }) => validator.name);
    return names.sort();
  }
}

/** A command's fields, without those that the kit fills in. */
export type Fields<T> = Omit<T, 'nonce' | 'maxFee'> & { nonce?: bigint; maxFee?: bigint };

/** Events of one name, as attributes by key. */
export function eventsOf(
  block: FinalizeBlockResponse,
  name: string,
): Readonly<Record<string, string>>[] {
  return [...block.events, ...block.txResults.flatMap(({ events }) => events)]
    .filter(({ type }) => type === name)
    .map(({ attributes }) => Object.fromEntries(attributes.map(({ key, value }) => [key, value])));
}
