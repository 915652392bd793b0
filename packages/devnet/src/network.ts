/**
 * A development network on paper: keys made from a seed, and the genesis document that endows them.
 * The same seed makes the same keys; never put money on one.
 */
import {
  accountsGenesis,
  DEFAULT_PARAMS,
  type Genesis,
  OWN_BOND,
  SEAT,
  validatorsGenesis,
} from '@palisade/chain';
import { concat, fromHex, type Json, toHex, utf8 } from '@palisade/core';
import { ed25519, secp256k1, sha256 } from '@palisade/core/crypto';
import {
  type ArchiveParams,
  DEFAULT_ARCHIVE_PARAMS,
  DEFAULT_MARKET_PARAMS,
  DEFAULT_STANDING_PARAMS,
  marketParams,
  type StandingParams,
} from '@palisade/market';
import { DEFAULT_PAYMENTS_PARAMS, paymentsParams } from '@palisade/payments';
import {
  DEVELOPMENT_POWER_PARAMS,
  DEVELOPMENT_SECTORS_PARAMS,
  powerParams,
  sectorsParams,
} from '@palisade/power';
import type { RootContracts } from '@palisade/rootchain';

/**
 * Who lives on a development network (market chapter, "Development network values"): partners that
 * keep files, and computers, which are partners that run modules: two that do the same work, and
 * one that decides between them.
 */
export const POPULATION = { active: 4, passive: 2, partners: 5, computers: 3 } as const;
/** The partner that offers access, where places for it are named, comes after all others. */
const ACCESS_PARTNER = POPULATION.partners + POPULATION.computers + 1;

/** One token, base units. */
const TOKEN = 10n ** 18n;
/** A known validator of four: 1 of 4 seats is within 44 %, 25 % of the votes below a third. */
const KNOWN = 1;
/** Collators that each storing partner lends to: power is spread, and a loss is shared. */
const LENT_TO = 2;

/** Gifts of genesis, base units: enough to try everything many times over. */
const ENDOWMENT = {
  client: 10_000n * TOKEN,
  faucet: 1_000_000n * TOKEN,
  validator: 1_000n * TOKEN,
  partner: 100n * TOKEN,
} as const;
/** Own bond of a development validator (power chapter, parameters: candidacy bond). */
const BOND = 10n * TOKEN;
/** Votes of a validator: known ones together stay below a third of them. */
const WEIGHT = 10n;

/**
 * What makes probation livable where one machine is the whole network: a session of a 10 MiB file is
 * a whole event, one request gives its client a voice, a period is a session. A new partner may take
 * whatever a newcomer brings, many jobs at once, and is known after four paid sessions; its bond is
 * for trying how that works, not for safety.
 */
const DEVELOPMENT_STANDING: StandingParams = {
  ...DEFAULT_STANDING_PARAMS,
  unitValue: TOKEN / 100n,
  testimonyHalf: TOKEN / 1000n,
  periodSessions: 1,
  containedPeriods: 2,
  probationReceipts: 4,
  probationAgreements: 1000,
  probationValue: 1_000n * TOKEN,
  bond: 4n * TOKEN,
  bondSessions: 5,
  exposureFloor: 10_000n * TOKEN,
};

/**
 * Two sessions, so that a file can be looked at before it moves. Partners here ask for a thousandth of
 * a PAL and a little more: for two thousandths all of them keep files, and a fifth of the fees of a
 * session with one job in it keeps its file for two terms.
 */
const DEVELOPMENT_ARCHIVE: ArchiveParams = {
  ...DEFAULT_ARCHIVE_PARAMS,
  retentionSessions: 2,
  termSessions: 5,
  price: TOKEN / 500n,
  sharePpm: 200_000,
  reserve: 10n * TOKEN,
};

/** Fee of a payment, wei: a millionth of an ether. */
const PAYMENT_FEE = 10n ** 12n;

export type Timing = {
  readonly blockTimeMs: number;
  readonly sessionMs: number;
  /** Requests this close before a block go to the next file, ms. */
  readonly guardMs: number;
};
export const DEVELOPMENT_TIMING: Timing = { blockTimeMs: 1000, sessionMs: 60_000, guardMs: 150 };

export type NodeIdentity = {
  readonly name: string;
  readonly nodeSecret: Uint8Array;
  readonly accountSecret: Uint8Array;
  /** Of the key by which contracts on the root chain would know a validator. */
  readonly rootSecret: Uint8Array;
};
export type Network = {
  readonly genesis: Genesis;
  readonly validators: readonly NodeIdentity[];
  /** Those that keep files, then those that run modules. */
  readonly partners: readonly NodeIdentity[];
  /** Offers access, where places for it are named. */
  readonly accessPartner: NodeIdentity;
  readonly clientSecret: Uint8Array;
  readonly faucetSecret: Uint8Array;
  /** Of the child chain, where there is one. */
  readonly rootKeys: RootKeys;
};

/** Who acts on the root chain. */
export type RootKeys = {
  /** Deploys the contracts, submits roots, pays this chain's fees for payments. */
  readonly operatorSecret: Uint8Array;
  /** Challenges. */
  readonly challengerSecret: Uint8Array;
  readonly clientSecret: Uint8Array;
  /** Validators of the first session; their accounts' keys sign roots. */
  readonly authority: readonly { readonly secret: Uint8Array; readonly votes: bigint }[];
};

function secretOf(seed: string, role: string): Uint8Array {
  return sha256(concat(utf8('palisade/devnet/'), utf8(`${seed}/${role}`)));
}

function identity(seed: string, role: string, number: number): NodeIdentity {
  const name = `${role}-${number}`;
  return {
    name,
    nodeSecret: secretOf(seed, `${name}/node`),
    accountSecret: secretOf(seed, `${name}/account`),
    rootSecret: secretOf(seed, `${name}/root`),
  };
}

/** Address of the account that a machine acts for. */
export function accountOf({ accountSecret }: NodeIdentity): Uint8Array {
  return secp256k1.addressOf(accountSecret);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

export function makeNetwork(
  seed: string,
  startMs: number,
  timing: Timing,
  contracts?: RootContracts,
): Network {
  const { active, passive, partners: keepers, computers } = POPULATION;
  const validators = range(active + passive).map((i) => identity(seed, 'validator', i));
  const partners = range(keepers + computers).map((i) => identity(seed, 'partner', i));
  const accessPartner = identity(seed, 'partner', ACCESS_PARTNER);
  const clientSecret = secretOf(seed, 'client/account');
  const faucetSecret = secretOf(seed, 'faucet/account');
  const rootKeys: RootKeys = {
    operatorSecret: secretOf(seed, 'operator/account'),
    challengerSecret: secretOf(seed, 'challenger/account'),
    clientSecret,
    authority: validators
      .slice(0, active)
      .map(({ accountSecret }) => ({ secret: accountSecret, votes: WEIGHT })),
  };
  const operator = secp256k1.addressOf(rootKeys.operatorSecret);
  const gift = (to: Uint8Array, amount: bigint) => ({ account: to, denom: 'pal', amount });
  const state: Record<string, Json> = {
    accounts: accountsGenesis.toJson({
      params: { ...DEFAULT_PARAMS, sessionMs: BigInt(timing.sessionMs) },
      balances: [
        gift(secp256k1.addressOf(clientSecret), ENDOWMENT.client),
        gift(secp256k1.addressOf(faucetSecret), ENDOWMENT.faucet),
        ...validators.map((validator) => gift(accountOf(validator), ENDOWMENT.validator)),
        ...[...partners, accessPartner].map((one) => gift(accountOf(one), ENDOWMENT.partner)),
        ...(contracts ? [gift(operator, ENDOWMENT.validator)] : []),
      ],
      holds: validators.map((validator) => ({
        account: accountOf(validator),
        purpose: OWN_BOND,
        amount: BOND,
      })),
      nodeKeys: [...validators, ...partners, accessPartner].map((node) => ({
        nodeKey: ed25519.publicKey(node.nodeSecret),
        binding: {
          account: accountOf(node),
          nonce: 0n,
          revoked: 0,
          label: node.name,
          sinceHeight: 0n,
        },
      })),
    }),
    validators: validatorsGenesis.toJson({
      validators: validators.map((validator, i) => ({
        nodeKey: ed25519.publicKey(validator.nodeSecret),
        validator: {
          account: accountOf(validator),
          name: validator.name,
          weight: WEIGHT,
          seat: i < active ? SEAT.active : SEAT.passive,
          known: i < KNOWN ? 1 : 0,
        },
      })),
    }),
    market: marketParams.toJson({
      ...DEFAULT_MARKET_PARAMS,
      // A sixth of a session is enough to answer in.
      leastAuditMs: BigInt(Math.floor(timing.sessionMs / 6)),
      standing: DEVELOPMENT_STANDING,
      archive: DEVELOPMENT_ARCHIVE,
    }),
    power: powerParams.toJson({
      ...DEVELOPMENT_POWER_PARAMS,
      hosted: validators.map(({ nodeSecret }) => ed25519.publicKey(nodeSecret)),
    }),
    sectors: sectorsParams.toJson(DEVELOPMENT_SECTORS_PARAMS),
    ...(contracts ? { payments: paymentsOn(contracts, operator) } : {}),
  };
  const chainId = `palisade-dev-${toHex(sha256(utf8(seed))).slice(2, 8)}`;
  return {
    genesis: { chainId, timeMs: startMs, state },
    validators,
    partners,
    accessPartner,
    clientSecret,
    faucetSecret,
    rootKeys,
  };
}

/** Validators that register as collators: all but the known ones, those that stand by too. */
export function collatorsOf({ validators }: Pick<Network, 'validators'>): readonly NodeIdentity[] {
  return validators.slice(KNOWN);
}

/** Node keys of the collators that the storing partner of an index lends its power to. */
export function lentTo(network: Pick<Network, 'validators'>, partner: number): Uint8Array[] {
  const collators = collatorsOf(network);
  return Array.from({ length: LENT_TO }, (_, i) =>
    ed25519.publicKey(collators[(partner + i) % collators.length]!.nodeSecret),
  );
}

/**
 * Payments as a development network has them: for a fee in ether that nobody minds, with a child block
 * every other block, and a root chain that is believed after three blocks, since nobody else makes them.
 */
function paymentsOn({ framework }: RootContracts, claimer: Uint8Array): Json {
  return paymentsParams.toJson({
    ...DEFAULT_PAYMENTS_PARAMS,
    framework: fromHex(framework),
    claimer,
    fees: [{ token: new Uint8Array(20), amount: PAYMENT_FEE }],
    depositMargin: 3,
    blockEvery: 2,
  });
}
