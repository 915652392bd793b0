/** The settings of a watcher: one schema for file, variables, flags and help. */
import { logSection } from '@palisade/daemon';
import * as z from 'zod';
import { USUAL_WITHHOLDING_MS } from '../blocks/withholding.ts';

const httpUrl = z.url({ protocol: /^https?$/ }).max(300);

export const watchSection = z
  .object({
    dataDir: z.string().min(1).default('.palisade/watcher').meta({
      description: 'Folder of facts, blocks and accounts.',
    }),
    rootChain: z.array(httpUrl).min(1).max(8).default(['http://127.0.0.1:8545']).meta({
      description:
        'RPC addresses of the root chain: the next one is asked when one fails, and logs count when two tell the same.',
    }),
    childChain: httpUrl.default('http://127.0.0.1:9656').meta({
      description: "Base URL of the child chain's API.",
    }),
    framework: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/)
      .optional()
      .meta({ description: "Address of the child chain's framework contract." }),
    deployedAt: z.number().int().min(1).default(1).meta({
      description: 'Root-chain block of the deployment: nothing before it is read.',
    }),
    dialect: z.enum(['v1', 'v2']).default('v2').meta({
      description: 'Version of the contracts.',
    }),
    mode: z.enum(['watch-only', 'defensive']).default('defensive').meta({
      description: 'Whether what is wrong is challenged.',
    }),
    dryRun: z.boolean().default(false).meta({
      description: 'Tells what would be challenged, and sends nothing.',
    }),
    finalityMargin: z.number().int().min(0).max(1000).default(12).meta({
      description: 'Root-chain blocks after which a log counts.',
      unit: 'blocks',
    }),
    slaMarginBlocks: z.number().int().min(1).max(100_000).optional().meta({
      description:
        'How long an invalid exit may stay unchallenged; 5520, or a tenth of a shorter exit period, unless set.',
      unit: 'root-chain blocks',
    }),
    blockTimeMs: z.number().int().min(100).max(120_000).default(15_000).meta({
      description: 'Time from one root-chain block to the next.',
      unit: 'ms',
    }),
    withholdingMs: z
      .number()
      .int()
      .min(1000)
      .max(30 * 86_400_000)
      .default(USUAL_WITHHOLDING_MS)
      .meta({
        description: 'A block that was not handed out for so long counts as withheld.',
        unit: 'ms',
      }),
    pollMs: z.number().int().min(50).max(120_000).default(4000).meta({
      description: 'Pause between two looks at the root chain.',
      unit: 'ms',
    }),
    maxFeeGwei: z.number().int().min(1).max(100_000).default(2000).meta({
      description: 'Never pays more for a unit of gas, however little time is left.',
      unit: 'gwei',
    }),
  })
  .describe('What is watched, and how.');

export const keySection = z
  .object({
    keystore: z.string().min(1).optional().meta({
      description: 'Folder of encrypted keys; `keys` in the data folder unless set.',
    }),
    key: z.string().default('challenger').meta({
      description: 'Name of the account key that challenges: gas money, and nothing else.',
    }),
    passphrase: z.string().optional().meta({
      description: 'Passphrase of this key. Better given by the variable than in a file.',
      secret: true,
    }),
  })
  .describe('Who challenges.');

export const watchListenSection = z
  .object({
    host: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen at.' }),
    port: z.number().int().min(0).max(65_535).default(7434).meta({
      description: 'Port of the API; 0 takes a free one.',
    }),
  })
  .describe('Where the API is served.');

/** Everything that `palisade watch` can be told. */
export const watchConfig = z.object({
  watch: watchSection,
  challenger: keySection,
  listen: watchListenSection,
  log: logSection,
});

export type WatchSettings = z.output<typeof watchSection>;
