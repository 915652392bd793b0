/** The node's engine: the embedded one, over the application and a shadow of it. */
import {
  accountsGenesis,
  encodeGenesis,
  type PalisadeApplication,
  SEAT,
  validatorsGenesis,
} from '@palisade/chain';
import type { DaemonContext } from '@palisade/daemon';
import { createEmbeddedEngine, type EmbeddedEngine } from '@palisade/engine';
import type { NodeOptions } from './options.ts';
import type { Acknowledged } from './services/acknowledged.ts';
import type { JobFiles } from './services/job-files.ts';
import type { ValidatorService } from './services/validator-service.ts';
import { asReplica } from './shadow/replica.ts';
import { makeShadow } from './shadow/thread-shadow.ts';

/** Limits of a block; evidence lives as long as the development values say (market chapter). */
const CONSENSUS_PARAMS = {
  block: { maxBytes: 8_388_608n, maxGas: -1n },
  evidence: {
    maxAgeNumBlocks: 100_000n,
    maxAgeDurationNs: 172_800_000_000_000n,
    maxBytes: 1_048_576n,
  },
  validator: { pubKeyTypes: ['ed25519'] },
  version: { app: 1n },
  abci: { voteExtensionsEnableHeight: 1n },
} as const;

/**
 * Blocks between two cold restarts of the shadow: a snapshot is a session old by then. None where
 * blocks are only made on demand.
 */
function blocksOfTwoSessions({ genesis, blockTimeMs }: NodeOptions): number {
  if (blockTimeMs === 0) return 0;
  const { params } = accountsGenesis.fromJson(genesis.state.accounts ?? null, 'accounts');
  return Math.max(1, Math.round((2 * Number(params.sessionMs)) / blockTimeMs));
}

/** The validators that have a seat in the first block. */
function firstSeats({ genesis }: NodeOptions) {
  const { validators } = validatorsGenesis.fromJson(genesis.state.validators ?? null, 'validators');
  return validators
    .filter(({ validator }) => validator.seat === SEAT.active)
    .map(({ nodeKey, validator }) => ({
      publicKey: nodeKey,
      power: validator.weight,
      name: validator.name,
    }));
}

type Inside = {
  readonly application: PalisadeApplication;
  readonly jobFiles: JobFiles;
  readonly services: readonly ValidatorService[];
  readonly acknowledged: Acknowledged;
};

/** Makes the engine; it does not run yet. Vote extensions come from the hosted validators' services. */
export function makeEngine(
  context: DaemonContext,
  options: NodeOptions,
  { application, jobFiles, services, acknowledged }: Inside,
): EmbeddedEngine {
  const { genesis, dataDir, blockTimeMs, clock, faults } = options;
  const { log } = context;
  const restartEvery = options.shadowRestartEvery ?? blocksOfTwoSessions(options);
  const shadow = {
    make: () => makeShadow(application.domain),
    ...(restartEvery > 0 ? { restartEvery } : {}),
  };
  return createEmbeddedEngine({
    application: asReplica(application),
    ...(options.shadow ? { shadow } : {}),
    genesis: {
      chainId: genesis.chainId,
      timeNs: BigInt(genesis.timeMs) * 1_000_000n,
      initialHeight: 1n,
      validators: firstSeats(options),
      consensusParams: CONSENSUS_PARAMS,
      appState: encodeGenesis(genesis),
    },
    hostedKeys: options.validators.map(({ secret }, i) => ({
      secret,
      extendVote: (request) => services[i]!.confirmations.extendVote(request),
    })),
    dataDir,
    blockTimeMs,
    clock,
    proposalSources: [jobFiles],
    ...(faults ? { faults } : {}),
    onDivergence: (divergence) => log.fatal('the two replicas disagree', { divergence }),
    onFailure: (error) => context.fail(error),
    onNotice: ({ message, code, data }) => log.info(message, { code, ...data }),
    onDropped: (drops) => acknowledged.drop(drops),
  });
}
