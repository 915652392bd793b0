/** Job files, open to everyone (P2V-2.G1): the signed requests of a block, and a proof of their root. */
import { concat, isRefusal, toHex, u64be, utf8 } from '@palisade/core';
import { jobFiles, request } from '@palisade/market';
import type { Hono } from 'hono';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { parseHeight, wholeParameter } from './parameters.ts';

/** Requests of one page: about 1 KiB each as hex, so 0.5 MiB. */
const PAGE = 512;

export function jobFileRoutes(app: Hono, { pool, service }: ApiContext): void {
  const { application, engine, jobFiles: open } = pool;

  /** The requests that a block took, in its order, which is by id. */
  async function requestsOf(height: bigint): Promise<readonly Uint8Array[] | undefined> {
    const block = await engine.block(height);
    const results = await engine.blockResults(height);
    if (!block || !results) return undefined;
    const { txs } = block.block;
    const opened = await application.opener.open(txs);
    return txs.filter((_, i) => {
      const tx = opened[i]!;
      const isRequest = !isRefusal(tx) && tx.declaration.name === request.name;
      return isRequest && results.txResults[i]?.code === 0;
    });
  }

  app.get('/v1/job-files/:height', async (c) => {
    const height = parseHeight(c.req.param('height'), service.self.height);
    const from = Number(wholeParameter(c.req.query('from')) ?? 0n);
    const isOpen = height > service.self.height;
    const requests = isOpen ? open.openFile(height) : await requestsOf(height);
    if (!requests)
      return refusalResponse(c, {
        code: 'chain/not-found',
        message: `There is no job file ${height}: neither a block nor one of the two open files.`,
        retry: 'later',
      });
    const page = requests.slice(from, from + PAGE).map(toHex);
    const file = { file: `${height}`, jobs: requests.length, from, requests: page };
    if (isOpen) return c.json({ ...file, state: 'open' });
    const key = concat(utf8('job-file/'), u64be(height));
    const path = '/store/payouts/key';
    const proof = await application.query({ path, data: key, height: 0n, prove: true });
    const root = jobFiles.get(application.committed, height)?.root;
    return c.json({
      ...file,
      state: 'closed',
      root: root ? toHex(root) : null,
      proof: {
        height: `${proof.height}`,
        key: toHex(key),
        value: toHex(proof.value),
        proofOps: proof.proofOps.map((op) => ({
          type: op.type,
          key: toHex(op.key),
          data: toHex(op.data),
        })),
      },
    });
  });
}
