/** What the supervisor tells parts that have processes of their own, over their IPC channel. */
import type { ChildProcess } from 'node:child_process';
import { PalisadeError } from '@palisade/core';
import * as z from 'zod';

export type Order =
  /** The clock is ahead of the machine's by so much. */
  | { readonly order: 'clock'; readonly aheadMs: number }
  /** Make a block now; validators only. */
  | { readonly order: 'produce' };

const orderMessage = z.object({
  number: z.number().int(),
  order: z.enum(['clock', 'produce']),
  aheadMs: z.number().int().nonnegative().optional(),
});
const doneMessage = z.object({ number: z.number().int(), failure: z.string().optional() });

/** An order is carried out within this time, ms, or the part is as good as dead. */
const PATIENCE_MS = 10_000;

let lastNumber = 0;

/** Resolves when the part has done it. @throws PalisadeError `devnet/part-failed` */
export function give(child: ChildProcess, order: Order): Promise<void> {
  const number = ++lastNumber;
  return new Promise((resolve, reject) => {
    const end = (failure?: string) => {
      clearTimeout(timer);
      child.off('message', hear);
      child.off('exit', died);
      if (failure === undefined) return resolve();
      const message = `A part of the network did not do '${order.order}': ${failure}.`;
      reject(new PalisadeError({ code: 'devnet/part-failed', message, retry: 'later' }));
    };
    const hear = (message: unknown) => {
      const done = doneMessage.safeParse(message);
      if (done.success && done.data.number === number) end(done.data.failure);
    };
    const died = () => end('it has died');
    const timer = setTimeout(() => end('it does not answer'), PATIENCE_MS);
    child.on('message', hear);
    child.once('exit', died);
    child.send({ number, ...order }, (error) => error && end(error.message));
  });
}

/** Carries out what the supervisor orders. */
export function obey(carryOut: (order: Order) => Promise<void> | void): void {
  process.on('message', (message) => {
    const { number, order, aheadMs = 0 } = orderMessage.parse(message);
    const answer = (failure?: string) =>
      process.send?.({ number, ...(failure === undefined ? {} : { failure }) });
    Promise.resolve(carryOut(order === 'clock' ? { order, aheadMs } : { order })).then(
      () => answer(),
      (error: unknown) => answer(String(error)),
    );
  });
}
