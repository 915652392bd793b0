/** The settings of a partner: one schema for file, variables, flags and help. */
import { MAX_CONTENT_BYTES } from '@palisade/core';
import { logSection } from '@palisade/daemon';
import * as z from 'zod';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const httpUrl = z.url({ protocol: /^https?$/ }).max(200);
const milliseconds = (least: number, most: number) => z.number().int().min(least).max(most);

export const partnerSection = z
  .object({
    price: z
      .bigint()
      .min(1n)
      .default(10n ** 12n)
      .meta({
        description: 'What is asked per started MiB and session; for access, per MiB carried.',
        unit: 'base units (10^18 are one PAL)',
      }),
    quotaBytes: z
      .number()
      .int()
      .min(2 ** 20)
      .max(2 ** 50)
      .default(10 * GIB)
      .meta({ description: 'Room that is offered in all.', unit: 'bytes' }),
    reserveBytes: z
      .number()
      .int()
      .min(0)
      .default(GIB)
      .meta({ description: 'Room on the disk that always stays free.', unit: 'bytes' }),
    maxSessions: z.number().int().min(1).max(100_000).default(1095).meta({
      description: 'Longest term that is taken on, in sessions; 1095 are half a year of 4 h.',
    }),
    maxSizeBytes: z
      .number()
      .int()
      .min(1)
      .max(MAX_CONTENT_BYTES)
      .default(MAX_CONTENT_BYTES)
      .meta({ description: 'Largest content that is taken on.', unit: 'bytes' }),
    direct: z.boolean().default(false).meta({
      description:
        'Whether clients may come at the price above without an offer for each job, as fits a large service.',
    }),
  })
  .describe('What is offered, and for how much.');

export const computeSection = z
  .object({
    slots: z.number().int().min(0).max(64).default(0).meta({
      description:
        'Modules that run at once. With any, this partner offers computation instead of storage, and its price is per started 2^20 instructions.',
    }),
    memoryBytes: z
      .number()
      .int()
      .min(2 ** 16)
      .max(2 ** 32)
      .default(256 * MIB)
      .meta({ description: 'Most memory of a module; each slot may need as much.', unit: 'bytes' }),
    outputBytes: z
      .number()
      .int()
      .min(0)
      .max(256 * MIB)
      .default(16 * MIB)
      .meta({ description: 'Most output of a run, held in memory until it ends.', unit: 'bytes' }),
    timeMs: milliseconds(100, 3_600_000).default(60_000).meta({
      description: 'A run that takes longer has no result, and is not paid.',
      unit: 'ms',
    }),
  })
  .describe('Modules that clients have run here.');

export const miningSection = z
  .object({
    sectors: z.number().int().min(0).max(32_768).default(0).meta({
      description:
        'Sectors to keep proven as storage power. Each takes its size on the disk, and five times that while it is sealed; the room is beside that of `partner.quotaBytes`.',
    }),
    lifeBlocks: z.number().int().min(1).max(4_000_000_000).default(15_552_000).meta({
      description: 'How long a new sector shall live: half a year of blocks of a second.',
      unit: 'blocks',
    }),
    tickMs: milliseconds(20, 60_000).default(5000).meta({
      description: 'Pause between two looks at what is due; a third of a window at most.',
      unit: 'ms',
    }),
    checkMs: milliseconds(1000, 604_800_000).default(86_400_000).meta({
      description: 'Every sector is read and compared once in so long.',
      unit: 'ms',
    }),
    lendTo: z
      .array(z.string().regex(/^0x[0-9a-f]{64}$/, 'a node key is 0x and 64 hex digits'))
      .max(10)
      .default([])
      .meta({
        description:
          'Node keys of collators that the power is lent to by itself, in equal shares; needs `node.accountKey`. Empty: it is lent by hand, with `palisade power delegate`.',
      }),
  })
  .describe('Storage power: sectors that are sealed, proven and lent to validators.');

export const timingSection = z
  .object({
    stillActiveMs: milliseconds(500, 3_600_000).default(300_000).meta({
      description: 'Pause between two READY messages; a validator waits for three of them.',
      unit: 'ms',
    }),
    recordMs: milliseconds(1000, 3_600_000).default(600_000).meta({
      description: 'How long the address in a READY holds.',
      unit: 'ms',
    }),
    workMs: milliseconds(2000, 3_600_000).default(300_000).meta({
      description: 'Work is asked for after so long without a notice.',
      unit: 'ms',
    }),
    complainMs: milliseconds(2000, 600_000).default(20_000).meta({
      description:
        'A validator that answers for this partner and has not told of a job that fits for so long is complained about.',
      unit: 'ms',
    }),
    cooldownMs: milliseconds(0, 600_000).default(30_000).meta({
      description: 'Least pause between two READY messages that tell of a change.',
      unit: 'ms',
    }),
    offerMs: milliseconds(1000, 3_600_000).default(300_000).meta({
      description: 'How long room is kept for an offer.',
      unit: 'ms',
    }),
    retryMs: milliseconds(50, 60_000).default(1000).meta({
      description: 'First pause before something that failed is tried again.',
      unit: 'ms',
    }),
    inclusionMs: milliseconds(500, 600_000).default(60_000).meta({
      description: 'How long a transaction is waited for before the chain is asked again.',
      unit: 'ms',
    }),
    pollMs: milliseconds(500, 600_000).default(60_000).meta({
      description: 'Pause between two looks at the running session, beside its events.',
      unit: 'ms',
    }),
    uploadExpiryMs: milliseconds(10_000, 7 * 86_400_000)
      .default(86_400_000)
      .meta({
        description: 'An upload that has not grown for so long is dropped.',
        unit: 'ms',
      }),
    auditSpreadPpm: z.number().int().min(0).max(500_000).default(50_000).meta({
      description: 'Part of a session over which audit answers are spread by chance.',
      unit: 'parts per million',
    }),
  })
  .describe('Pauses and patience.');

export const accessSection = z
  .object({
    allow: z.array(z.string().max(300)).max(256).default([]).meta({
      description:
        'Where tunnels may lead, as host:port: example.org:443, *.example.org:80-90, 10.1.0.0/16:*, *:443. Empty: no access is offered. Private and special addresses are reached only where they are listed by address.',
    }),
    maxTunnels: z.number().int().min(1).max(1024).default(16).meta({
      description: 'Tunnels at once. Each may hold some 16 MiB of memory per direction.',
    }),
    maxStreams: z.number().int().min(1).max(1024).default(64).meta({
      description: 'Connections of one tunnel at once.',
    }),
    connectsPerSecond: z.number().int().min(1).max(1000).default(20).meta({
      description: 'Connections that one tunnel may ask for.',
      unit: 'a second',
    }),
    connectMs: milliseconds(100, 60_000).default(10_000).meta({
      description: 'Time for a connection to be made, looking up its name included.',
      unit: 'ms',
    }),
    idleMs: milliseconds(1000, 86_400_000).default(600_000).meta({
      description: 'A connection in which nothing moves for so long is closed.',
      unit: 'ms',
    }),
    voucherMs: milliseconds(500, 3_600_000).default(120_000).meta({
      description: 'Nothing is forwarded when something has been unpaid for so long.',
      unit: 'ms',
    }),
    voucherBytes: z
      .number()
      .int()
      .min(64 * 1024)
      .max(2 ** 40)
      .default(16 * MIB)
      .meta({
        description: 'Nothing is forwarded when more than this is unpaid.',
        unit: 'bytes',
      }),
  })
  .describe('Tunnels to elsewhere, for clients that pay by the byte.');

export const listenSection = z
  .object({
    host: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen at.' }),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(4700)
      .meta({ description: 'Port to listen at; 0 takes a free one.' }),
    publicUrl: httpUrl.optional().meta({
      description: 'Base URL at which clients reach this partner, where it is another one.',
    }),
  })
  .describe('Where clients come in.');

/** Everything that a partner daemon can be told. */
export const partnerConfig = z.object({
  node: z
    .object({
      dataDir: z.string().min(1).default('.palisade/partner').meta({
        description: 'Folder of contents, agreements and books.',
      }),
      validators: z
        .array(httpUrl)
        .max(64)
        .default(['http://127.0.0.1:4600'])
        .meta({ description: 'Validators to begin with; the others are learnt from them.' }),
      keystore: z.string().min(1).optional().meta({
        description: 'Folder of encrypted keys; `keys` in the data folder unless set.',
      }),
      key: z.string().default('partner').meta({ description: "Name of the partner's node key." }),
      accountKey: z.string().optional().meta({
        description:
          'Name of the account key: binds the node key at the first start, and reports omissions.',
      }),
      passphrase: z.string().optional().meta({
        description: 'Passphrase of these keys. Better given by the variable than in a file.',
        secret: true,
      }),
    })
    .describe('Who this partner is.'),
  listen: listenSection,
  partner: partnerSection,
  compute: computeSection,
  access: accessSection,
  mining: miningSection,
  timing: timingSection,
  log: logSection,
});

export type PartnerTerms = z.output<typeof partnerSection>;
export type AccessTerms = z.output<typeof accessSection>;
export type ComputeTerms = z.output<typeof computeSection>;
export type MiningTerms = z.output<typeof miningSection>;
export type PartnerTiming = z.output<typeof timingSection>;

/** Terms, access and timing as `startPartner` takes them; what is left out has the default of the schema. */
export type PartnerConfig = {
  readonly partner?: Partial<PartnerTerms>;
  readonly compute?: Partial<ComputeTerms>;
  readonly access?: Partial<AccessTerms>;
  readonly mining?: Partial<MiningTerms>;
  readonly timing?: Partial<PartnerTiming>;
};

/** Market chapter, "Development network values": seconds where a public network has minutes. */
export const DEVELOPMENT_TIMING: PartnerTiming = {
  stillActiveMs: 10_000,
  recordMs: 60_000,
  workMs: 10_000,
  complainMs: 10_000,
  cooldownMs: 3000,
  offerMs: 30_000,
  retryMs: 250,
  inclusionMs: 10_000,
  pollMs: 5000,
  uploadExpiryMs: 3_600_000,
  auditSpreadPpm: 50_000,
};
