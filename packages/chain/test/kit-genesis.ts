/** Who is on a test's chain, with keys made of their names, and what the chain begins with. */
import {
  accountsModule,
  bondsModule,
  createApplication,
  DEFAULT_PARAMS,
  type Genesis,
  type JobFileRule,
  type Module,
  ownBond,
  type PalisadeApplication,
  type RewardSink,
  rewardsModule,
  sessionsModule,
  toOwner,
  validatorsModule,
} from '@palisade/chain';
import {
  accountSigner,
  type Domain,
  type Json,
  type KeyValueStore,
  MemoryStore,
  nodeSigner,
  type Signer,
  toHex,
  utf8,
} from '@palisade/core';
import { ed25519, sha256 } from '@palisade/core/crypto';
import { validatorAddress } from '@palisade/formats';

export const PAL = 10n ** 18n;

/** A validator of the kit: its keys, its owner, and what it votes with. */
export type KitValidator = {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly nodeKey: Uint8Array;
  readonly address: Uint8Array;
  readonly owner: Signer;
};

export type ChainOptions = {
  /** Votes of the validators v0, v1, …; one with 10 when left out. */
  readonly weights?: readonly bigint[];
  /** Validators without a seat, numbered on behind those. */
  readonly passive?: number;
  /** Free native funds by account name. */
  readonly accounts?: Readonly<Record<string, bigint>>;
  /** Node keys that are bound at genesis: machine name to account name. */
  readonly machines?: Readonly<Record<string, string>>;
  readonly bonds?: bigint;
  readonly sessionMs?: bigint;
  readonly blockMs?: bigint;
  readonly feeBurnPpm?: number;
  /** Modules beyond those of the chain; they stand before rewards. */
  readonly modules?: (domain: Domain) => readonly Module[];
  /** Modules that give seats away: they stand behind rewards. */
  readonly seating?: (domain: Domain) => readonly Module[];
  /** Where rewards go; to the owners of validators when left out. */
  readonly rewardSink?: RewardSink;
  /** Validators that have keys and no seat at first: they go on where `weights` ends. */
  readonly standbys?: number;
  /** Their sections of the genesis document. */
  readonly sections?: Readonly<Record<string, Json>>;
  readonly jobFile?: JobFileRule;
  readonly store?: KeyValueStore;
};

/** A function whose answer for a name is always the same one: keys cost more to parse than to use. */
function once<Value>(make: (name: string) => Value): (name: string) => Value {
  const made = new Map<string, Value>();
  return (name) => {
    const value = made.get(name) ?? make(name);
    made.set(name, value);
    return value;
  };
}

function seed(kind: string, name: string): Uint8Array {
  return sha256(utf8(`chain-kit/${kind}/${name}`));
}

const nodeSecret = once((name) => seed('node', name));

/** The account key of a name: the same in every chain. */
export const accountOf: (name: string) => Signer = once((name) =>
  accountSigner(seed('account', name)),
);

/** The node key of a name. */
export const machineOf: (name: string) => Signer = once((name) => nodeSigner(nodeSecret(name)));

const validatorNamed = once((name): KitValidator => {
  const secret = nodeSecret(name);
  const nodeKey = ed25519.publicKey(secret);
  const address = validatorAddress(nodeKey);
  return { name, secret, nodeKey, address, owner: accountOf(`${name}-owner`) };
});

export function validatorOf(index: number): KitValidator {
  return validatorNamed(`v${index}`);
}

/** The validators of a chain that have no seat. */
export function passiveOf({ weights = [10n], passive = 0 }: ChainOptions): KitValidator[] {
  return Array.from({ length: passive }, (_, i) => validatorOf(weights.length + i));
}

export const GENESIS_MS = 1_700_000_000_000n;

/** The genesis document of a chain with these options. */
export function genesisOf(options: ChainOptions): Genesis {
  const weights = options.weights ?? [10n];
  const bond = options.bonds ?? 0n;
  const validators = weights.map((_, i) => validatorOf(i));
  const passive = passiveOf(options);
  const funds = Object.entries(options.accounts ?? {}).map(
    ([name, amount]) => [accountOf(name).id, amount] as const,
  );
  const bonded = bond === 0n ? [] : validators.map(({ owner }) => [owner.id, bond] as const);
  const purse = (account: Uint8Array, amount: bigint) => ({
    account: toHex(account),
    amount: amount.toString(),
  });
  return {
    chainId: 'kit-chain',
    timeMs: Number(GENESIS_MS),
    state: {
      accounts: {
        params: {
          sessionMs: (options.sessionMs ?? 60_000n).toString(),
          existentialDeposit: DEFAULT_PARAMS.existentialDeposit.toString(),
          feeBase: DEFAULT_PARAMS.feeBase.toString(),
          feePerByte: DEFAULT_PARAMS.feePerByte.toString(),
          feeBurnPpm: options.feeBurnPpm ?? DEFAULT_PARAMS.feeBurnPpm,
        },
        balances: [...funds, ...bonded].map(([account, amount]) => ({
          ...purse(account, amount),
          denom: 'pal',
        })),
        holds: bonded.map(([account, amount]) => ({ ...purse(account, amount), purpose: 'bond' })),
        nodeKeys: Object.entries(options.machines ?? {}).map(([machine, account]) => ({
          nodeKey: toHex(machineOf(machine).id),
          binding: {
            account: toHex(accountOf(account).id),
            nonce: '0',
            revoked: 0,
            label: machine,
            sinceHeight: '0',
          },
        })),
      },
      validators: {
        validators: [...validators, ...passive].map(({ nodeKey, owner, name }, i) => ({
          nodeKey: toHex(nodeKey),
          validator: {
            account: toHex(owner.id),
            name,
            weight: (weights[i] ?? 10n).toString(),
            seat: i < weights.length ? 1 : 0,
            known: 1,
          },
        })),
      },
      ...options.sections,
    },
  };
}

/** The state machine that runs on it. */
export function applicationOf(options: ChainOptions, domain: Domain): PalisadeApplication {
  return createApplication({
    modules: [
      accountsModule(domain),
      sessionsModule,
      ...(options.modules?.(domain) ?? []),
      rewardsModule(options.rewardSink ?? toOwner),
      bondsModule([ownBond]),
      ...(options.seating?.(domain) ?? []),
      validatorsModule,
    ],
    store: options.store ?? new MemoryStore(),
    domain,
    jobFile: options.jobFile ?? { command: 'none', isOnChain: () => false },
  });
}
