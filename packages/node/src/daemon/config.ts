/** The settings of a validator node: one schema for file, variables, flags and help. */
import { logSection } from '@palisade/daemon';
import * as z from 'zod';
import { DEFAULT_POOL_TIMING } from '../services/timing.ts';

const port = z.number().int().min(0).max(65_535);

export const nodeConfig = z.object({
  node: z
    .object({
      dataDir: z.string().min(1).default('.palisade/node').meta({
        description: 'Folder of state, blocks and indexes.',
      }),
      genesis: z.string().min(1).default('genesis.json').meta({
        description: 'The genesis document; its hash names the chain.',
      }),
      keystore: z.string().min(1).default('.palisade/keys').meta({
        description: 'Folder of encrypted keys.',
      }),
      keys: z.array(z.string().min(1)).min(1).max(64).default(['validator']).meta({
        description: 'Names of the node keys that this process validates with.',
      }),
      passphrase: z.string().optional().meta({
        description: 'Passphrase of these keys. Better given by the variable than in a file.',
        secret: true,
      }),
    })
    .describe('Who this node is.'),
  listen: z
    .object({
      host: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen at.' }),
      port: port.default(4600).meta({
        description: 'Port of the first key; each further one takes the next. 0 takes free ones.',
      }),
    })
    .describe('Where clients and partners come in.'),
  chain: z
    .object({
      blockTimeMs: z.number().int().min(50).max(600_000).default(10_000).meta({
        description: 'Time from block to block.',
        unit: 'ms',
      }),
      guardMs: z.number().int().min(0).max(60_000).default(1000).meta({
        description: 'Requests this close before a block go to the next job file.',
        unit: 'ms',
      }),
      shadow: z.boolean().default(true).meta({
        description: 'Whether a second replica runs beside the first and is compared with it.',
      }),
      shadowRestartBlocks: z.number().int().min(0).default(2880).meta({
        description: 'Blocks between two cold restarts of the shadow; 0 for none.',
        unit: 'blocks',
      }),
    })
    .describe('How blocks are made.'),
  pool: z
    .object({
      stillActiveMs: z
        .number()
        .int()
        .min(1000)
        .max(86_400_000)
        .default(DEFAULT_POOL_TIMING.stillActiveMs)
        .meta({
          description: 'A partner that was not heard for so long is off the board.',
          unit: 'ms',
        }),
      cooldownMs: z
        .number()
        .int()
        .min(0)
        .max(600_000)
        .default(DEFAULT_POOL_TIMING.cooldownMs)
        .meta({
          description: "Least pause between two changes of a partner's capacity.",
          unit: 'ms',
        }),
      challengeSpreadMs: z
        .number()
        .int()
        .min(0)
        .max(86_400_000)
        .default(DEFAULT_POOL_TIMING.challengeSpreadMs)
        .meta({
          description: 'A passive validator challenges a partner within so long of the draw.',
          unit: 'ms',
        }),
      challengeRetryMs: z
        .number()
        .int()
        .min(0)
        .max(86_400_000)
        .default(DEFAULT_POOL_TIMING.challengeRetryMs)
        .meta({
          description: 'Pause between two tries of a challenge; the third failure is reported.',
          unit: 'ms',
        }),
      evidenceSessions: z
        .number()
        .int()
        .min(1)
        .max(1000)
        .default(DEFAULT_POOL_TIMING.evidenceSessions)
        .meta({
          description: "How long partners' acknowledgements are kept.",
          unit: 'sessions',
        }),
    })
    .describe('Patience with partners.'),
  log: logSection,
});
