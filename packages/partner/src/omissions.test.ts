import { accountSigner, PalisadeError, toHex } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { reportOmission, start } from '@palisade/market/schema';
import { beforeEach, describe, expect, it } from 'vitest';
import { partnerMetrics } from './metrics.ts';
import { type Network, untilIncluded } from './network.ts';
import { reportingOmissions } from './omissions.ts';

const owner = accountSigner(new Uint8Array(32).fill(9));
const machine = accountSigner(new Uint8Array(32).fill(8));
const { signal } = new AbortController();

let reports: { readonly transaction: Uint8Array; readonly acknowledgement: Uint8Array }[];
let metrics: ReturnType<typeof createMetrics<typeof partnerMetrics>>;
/** What becomes of a transaction, and how often it is handed over again before. */
let fate: { readonly code?: string; readonly again: number };
let chainRefuses: boolean;
let given: number;

const word = () => Uint8Array.of(given++);

/** Validators that acknowledge whatever comes, each time with another word. */
const plain = {
  async post(declaration: unknown, fields: (typeof reports)[number], signer: unknown) {
    if (declaration === reportOmission) {
      expect(signer).toBe(owner);
      if (chainRefuses) throw new PalisadeError({ code: 'market/omission-known', message: 'no' });
      reports.push(fields);
    }
    const id = new Uint8Array(32).fill(7);
    return { id, envelope: id, nonce: 0n, fee: 0n, acknowledgements: [word(), word()] };
  },
  submit: async (id: Uint8Array) => ({ id, acknowledgement: word() }),
  async waitFor(id: Uint8Array, how: { resend: () => Promise<unknown> }) {
    for (let i = 0; i < fate.again; i++) await how.resend();
    if (fate.code) throw new PalisadeError({ code: fate.code, message: 'it is gone' });
    return { id, height: 5n, index: 0, events: [] };
  },
} as unknown as Network;

async function sends(reporter: typeof owner | 'nobody' = owner): Promise<string> {
  const options = {
    accountSigner: reporter === 'nobody' ? undefined : reporter,
    log: silentLogger,
    metrics,
  };
  const network = reportingOmissions(plain, options);
  const posted = await network.post(start, {} as never, machine);
  return untilIncluded(network, posted, signal).then(
    () => 'included',
    (error: PalisadeError) => error.code,
  );
}

beforeEach(() => {
  [reports, fate, chainRefuses, given] = [[], { again: 0 }, false, 0];
  metrics = createMetrics(partnerMetrics, { process: false });
});

describe('what validators acknowledged and keep out of their blocks', () => {
  it('[P2V-5] is reported by the daemon, with the word of each that it was handed to', async () => {
    fate = { code: 'client/not-included', again: 2 };
    expect(await sends()).toBe('client/not-included');
    expect(reports.map(({ acknowledgement }) => toHex(acknowledgement))).toEqual([
      '0x00',
      '0x01',
      '0x02',
      '0x03',
    ]);
    for (const { transaction } of reports) expect(transaction).toEqual(new Uint8Array(32).fill(7));
  });

  it('[P2V-5] is nobody’s fault when it was included, refused, or given up here', async () => {
    for (const code of [undefined, 'market/job-full', 'client/aborted', 'client/connection']) {
      fate = { ...(code ? { code } : {}), again: 1 };
      expect(await sends()).toBe(code ?? 'included');
    }
    expect(reports).toEqual([]);
  });

  it('[P2V-5] is only told of where no account is at hand, or the chain knows better', async () => {
    fate = { code: 'client/not-included', again: 0 };
    expect(await sends('nobody')).toBe('client/not-included');
    chainRefuses = true;
    expect(await sends()).toBe('client/not-included');
    expect(reports).toEqual([]);
    const text = await metrics.text();
    expect(text).toContain('partner_omissions_total{outcome="unreported"} 1');
    expect(text).toContain('partner_omissions_total{outcome="refused"} 2');
  });
});
