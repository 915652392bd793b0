/** What a node is started with. */
import type { Genesis } from '@palisade/chain';
import type { Clock } from '@palisade/core';
import type { FaultPoint } from '@palisade/engine';
import type { RootContracts } from '@palisade/rootchain';
import type { PoolTiming } from './services/timing.ts';

/** A validator key that this process hosts, and where its API listens. */
export type HostedValidator = {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly port: number;
};

/** The root chain of the child chain of payments, and what this node does there. */
export type RootChainOptions = {
  /** RPC addresses; the next one is asked when one fails. */
  readonly urls: readonly string[];
  readonly contracts: RootContracts;
  /** Root-chain secrets of the hosted validators, which sign block roots. */
  readonly authoritySecrets: readonly Uint8Array[];
  /** Of the account that pays: gas on the root chain, and this chain's fees for payments. */
  readonly operatorSecret: Uint8Array;
  /** Of the child chain's API; 0 takes a free one. */
  readonly port: number;
  /** Pause between two looks at the root chain, ms. */
  readonly pollMs: number;
};

export type NodeOptions = {
  readonly genesis: Genesis;
  readonly dataDir: string;
  readonly validators: readonly HostedValidator[];
  readonly host: string;
  readonly blockTimeMs: number;
  /** Time before a block in which requests go to the next file, ms. */
  readonly guardMs: number;
  /** Patience with partners; that of a public network unless given. */
  readonly pool?: PoolTiming;
  readonly clock: Clock;
  /** Secret of the account that gives away tokens; development networks only. */
  readonly faucetSecret?: Uint8Array;
  /** Runs a second replica beside the first and compares every block. */
  readonly shadow: boolean;
  /** Replaces the shadow by a cold one every so many blocks, 0 never; else every second session. */
  readonly shadowRestartEvery?: number;
  /** Wanted where the genesis document has payments. */
  readonly rootChain?: RootChainOptions;
  readonly faults?: (point: FaultPoint, height: bigint) => void | Promise<void>;
};
