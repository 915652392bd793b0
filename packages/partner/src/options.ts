/** What `startPartner` is told. */
import type { Clock, Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import type { Outside } from './access/dial.ts';
import type { PartnerConfig } from './config.ts';
import type { Sealer } from './miner/sealer.ts';
import type { Environment, Network } from './network.ts';
import type { DiskHook } from './storage/index.ts';

export type PartnerOptions = {
  /** Terms and timing; see `DEVELOPMENT_TIMING` for a development network. */
  readonly config?: PartnerConfig;
  /** ed25519 secret of the partner's node key, 32 bytes. */
  readonly nodeSecret: Uint8Array;
  /** Binds the node key at the first start, where the chain knows it not yet; reports omissions. */
  readonly accountSigner?: Signer | undefined;
  /** Made if need be. */
  readonly dataDir: string;
  /** Base URLs of validators to begin with. */
  readonly validators: readonly string[];
  /** Address to listen at; 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Base URL at which clients reach this partner; `http://host:port` unless given. */
  readonly publicUrl?: string | undefined;
  /** Name for people: in `/status`, and on chain where the node key is bound here. */
  readonly name?: string;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** How long the start waits for a first validator before it goes on without, ms. Default 10 s. */
  readonly connectMs?: number;
  /** How long the head of a request or a small body may take, ms; ten seconds by default. */
  readonly requestMs?: number;
  /** Whether `/metrics` tells of the process too; false for all but one partner of a process. */
  readonly processMetrics?: boolean;
  /** The program of the threads that modules run in; the one beside this program unless given. */
  readonly runThread?: URL;
  /** The program of the threads that seal; the one beside this program unless given. */
  readonly sealThread?: URL;
  /** Threads that seal, where partners of one process that start and stop together share them. */
  readonly sealer?: Sealer;
  /** For tests: the way to the validators, what the disk has and does, and where tunnels lead. */
  readonly connect?: (urls: readonly string[]) => Network;
  readonly environment?: Partial<Environment>;
  readonly freeBytes?: () => Promise<number>;
  readonly diskHook?: DiskHook;
  readonly outside?: Outside;
};
