/**
 * Reports by itself what validators acknowledged and kept out of their blocks (P2V-5, C2V-7.G2): a
 * start, an answer, a receipt that is in no block after many is shown to the chain with the words of
 * those who promised to propose it. The report is an account's: a machine's own would take the place
 * of the very transaction that is missing.
 */
import { PalisadeError, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { reportOmission } from '@palisade/market/schema';
import type { PartnerMetrics } from './metrics.ts';
import type { Network } from './network.ts';

/** Transactions whose acknowledgements are remembered: as many as wait for blocks, and some. */
const MAX_REMEMBERED = 1024;

type Waiting = {
  readonly transaction: Uint8Array;
  /** Envelopes of the acknowledgements, whenever it was handed over. */
  readonly words: Uint8Array[];
};

export type OmissionOptions = {
  /** Who reports; without one, somebody has to by hand. */
  readonly accountSigner: Signer | undefined;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

/** The same network; what is handed over through it and finds no block is reported. */
export function reportingOmissions(network: Network, options: OmissionOptions): Network {
  const waiting = new Map<string, Waiting>();

  function note(id: Uint8Array, transaction: Uint8Array, words: readonly Uint8Array[]): void {
    const key = toHex(id);
    const known = waiting.get(key) ?? { transaction, words: [] };
    known.words.push(...words);
    waiting.delete(key);
    for (const oldest of waiting.keys()) {
      if (waiting.size < MAX_REMEMBERED) break;
      waiting.delete(oldest);
    }
    waiting.set(key, known);
  }

  return {
    ...network,
    async post(declaration, fields, signer, how, deliver) {
      const posted = await network.post(declaration, fields, signer, how, deliver);
      note(posted.id, posted.envelope, posted.acknowledgements);
      return posted;
    },
    async submit(envelope) {
      const said = await network.submit(envelope);
      note(said.id, envelope, [said.acknowledgement]);
      return said;
    },
    async waitFor(id, how) {
      const key = toHex(id);
      try {
        return await network.waitFor(id, how);
      } catch (error) {
        const known = waiting.get(key);
        if (known && isOmission(error)) await report(network, known, id, options);
        throw error;
      } finally {
        waiting.delete(key);
      }
    },
  };
}

function isOmission(error: unknown): boolean {
  return error instanceof PalisadeError && error.code === 'client/not-included';
}

async function report(
  network: Network,
  { transaction, words }: Waiting,
  id: Uint8Array,
  { accountSigner, log, metrics }: OmissionOptions,
): Promise<void> {
  if (!accountSigner) {
    metrics.count('partner_omissions_total', { outcome: 'unreported' });
    log.warn('validators acknowledged a transaction that is in no block', {
      transaction: id,
      next: 'Name the account key in node.accountKey, and such are reported.',
    });
    return;
  }
  for (const acknowledgement of words)
    try {
      await network.post(reportOmission, { transaction, acknowledgement }, accountSigner);
      metrics.count('partner_omissions_total', { outcome: 'reported' });
      log.warn('a validator that kept a transaction out of its blocks is reported', {
        transaction: id,
      });
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      // It may have come meanwhile, or may not come any more, or this word counts already.
      metrics.count('partner_omissions_total', { outcome: 'refused' });
      log.info('an omission could not be reported', { transaction: id, err: error });
    }
}
