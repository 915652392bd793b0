/** Payout files, open to everyone (V2V-5): the bytes that a session's proven record names. */
import { toHex } from '@palisade/core';
import { isMoved, payoutFileBytes, payoutFileSize, payouts } from '@palisade/market';
import type { Hono } from 'hono';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { sessionParameter } from './parameters.ts';

/** Rows read at once: 140 KB, about 2 ms of work before others get a turn. */
const PIECE = 1024;

/** A stream that takes the next piece when its reader wants it. */
function streamOf(pieces: Iterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

export function payoutFileRoutes(app: Hono, { pool: { application } }: ApiContext): void {
  app.get('/v1/payout-files/:session', (c) => {
    const session = sessionParameter(c.req.param('session'));
    const state = application.committed;
    const record = payouts.get(state, session);
    if (!record)
      return refusalResponse(c, {
        code: 'chain/not-found',
        message: `There is no payout file of session ${session}: it is not over yet.`,
        retry: 'later',
      });
    if (isMoved(state, session))
      return refusalResponse(c, {
        code: 'market/payout-file-moved',
        message: `Partners keep the payout file of session ${session}.`,
        next: 'market.payout names the job, and market.job its partners: ask them for the content id.',
        retry: 'never',
      });
    return c.body(streamOf(payoutFileBytes(state, session, PIECE)), 200, {
      'content-type': 'application/octet-stream',
      'content-length': `${payoutFileSize(record.rows)}`,
      etag: `"${toHex(record.content)}"`,
    });
  });
}
