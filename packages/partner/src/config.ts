/** The settings of a partner: one schema for file, variables, flags and help. */
import { logSection } from '@palisade/daemon';
import { z } from 'zod';

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
        description: 'What is asked per started MiB and session.',
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
  })
  .describe('What is offered, and for how much.');

export const timingSection = z
  .object({
    stillActiveMs: milliseconds(500, 3_600_000).default(300_000).meta({
      description: 'Pause between two READY messages; they expire after three.',
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
        description: 'Name of the account key that binds the node key at the first start.',
      }),
      passphrase: z.string().optional().meta({
        description: 'Passphrase of these keys. Better given by the variable than in a file.',
        secret: true,
      }),
    })
    .describe('Who this partner is.'),
  listen: listenSection,
  partner: partnerSection,
  timing: timingSection,
  log: logSection,
});

export type PartnerTerms = z.output<typeof partnerSection>;
export type PartnerTiming = z.output<typeof timingSection>;

/** Terms and timing as `startPartner` takes them; what is left out has the default of the schema. */
export type PartnerConfig = {
  readonly partner?: Partial<PartnerTerms>;
  readonly timing?: Partial<PartnerTiming>;
};

/** Market chapter, "Development network values": seconds where a public network has minutes. */
export const DEVELOPMENT_TIMING: PartnerTiming = {
  stillActiveMs: 10_000,
  cooldownMs: 3000,
  offerMs: 30_000,
  retryMs: 250,
  inclusionMs: 10_000,
  pollMs: 5000,
  uploadExpiryMs: 3_600_000,
  auditSpreadPpm: 50_000,
};
