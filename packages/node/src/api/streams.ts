/** Server-sent events with back-pressure: a reader that does not keep up is cut off, not buffered. */
import type { Context } from 'hono';

/** Bytes waiting for a slow reader at most, per stream. */
const MAX_BACKLOG = 1024 * 1024;
/** A comment line this often keeps proxies from closing a quiet stream, ms. */
const KEEP_ALIVE_MS = 15_000;

export type SseEvent = { readonly id?: string; readonly event: string; readonly data: unknown };
export type SseWriter = {
  write(event: SseEvent): void;
  /** Resolves when the reader has taken half of what may wait, or with false when it has gone. */
  room(): Promise<boolean>;
  close(): void;
};

/**
 * Answers with a stream that `begin` feeds. `begin` answers with what to do when the stream ends;
 * when it fails, the stream ends and `report` hears why. The stream is closed when the reader has `MAX_BACKLOG` bytes unread: it reconnects with its last id.
 */
export function sse(
  c: Context,
  report: (error: unknown) => void,
  begin: (writer: SseWriter) => Promise<() => void> | (() => void),
): Response {
  const encoder = new TextEncoder();
  let end: (() => void) | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let waiting: (() => void) | undefined;
  const wake = () => {
    waiting?.();
    waiting = undefined;
  };
  const finish = () => {
    closed = true;
    clearInterval(timer);
    wake();
    end?.();
    end = undefined;
  };
  const feed = async (writer: SseWriter): Promise<void> => {
    try {
      const ending = await begin(writer);
      if (closed) ending();
      else end = ending;
    } catch (error) {
      // The head is sent already, so all that is left is to end: the reader comes again.
      report(error);
      writer.close();
    }
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string) => {
          if (closed) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) < 0) writer.close();
        };
        const writer: SseWriter = {
          write: ({ id, event, data }) =>
            send(
              `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
            ),
          async room() {
            while (!closed && (controller.desiredSize ?? 0) < MAX_BACKLOG / 2)
              await new Promise<void>((resolve) => {
                waiting = resolve;
              });
            return !closed;
          },
          close() {
            if (closed) return;
            finish();
            controller.close();
          },
        };
        timer = setInterval(() => send(': still here\n\n'), KEEP_ALIVE_MS);
        timer.unref();
        send(': welcome\n\n');
        // Not awaited: a stream is read from only when its start is over.
        void feed(writer);
      },
      pull: wake,
      cancel: finish,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_BACKLOG }),
  );
  return c.body(stream, 200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}
