/** A data folder belongs to one chain: what is in it means nothing on another. */
import { type Domain, equalBytes, fromHex, PalisadeError, toHex } from '@palisade/core';
import { atomicWrite } from '@palisade/daemon';
import { readJson } from './records/saved-file.ts';

/** Notes the chain at the first start. @throws PalisadeError `partner/other-chain` at a later one */
export async function ensureSameChain(path: string, { genesisHash }: Domain): Promise<void> {
  const json = (await readJson(path)) as { genesisHash?: unknown } | undefined;
  if (json === undefined) {
    await atomicWrite(path, `${JSON.stringify({ genesisHash: toHex(genesisHash) })}\n`);
    return;
  }
  const known = typeof json.genesisHash === 'string' ? fromHex(json.genesisHash) : undefined;
  if (known && equalBytes(known, genesisHash)) return;
  throw new PalisadeError({
    code: 'partner/other-chain',
    message: `The data folder belongs to the chain ${json.genesisHash}; the validators run ${toHex(genesisHash)}.`,
    next: 'Use another data folder, or validators of the right chain.',
    data: { path },
  });
}
