/** Server-sent events over fetch: one connection, bounded, given up when nothing comes. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Environment } from './environment.ts';
import { clientError } from './errors.ts';
import { type HttpRequest, openStream } from './http.ts';

export type ServerEvent = {
  readonly id: string | undefined;
  /** `message` when the server gave no name. */
  readonly event: string;
  readonly data: string;
};

/** Chars of one event at most: the largest carries an envelope of 97 KiB as hex. */
const MAX_EVENT_CHARS = 1024 * 1024;
/** Silence after which a connection is taken for dead; followers then come back where they were. */
export const IDLE_MS = 60_000;

/**
 * The events of one connection until the server ends it.
 * @throws PalisadeError `client/connection`, `client/timeout`, `client/answer-too-large`, or the
 * refusal of the daemon
 */
export async function* serverEvents(
  env: Environment,
  request: HttpRequest,
  idleMs: number = IDLE_MS,
): AsyncGenerator<ServerEvent> {
  const headers = { accept: 'text/event-stream', ...request.headers };
  const stream = await openStream(env, { ...request, headers }, idleMs);
  const ready: EventSourceMessage[] = [];
  let waiting = 0;
  const parser = createParser({
    onEvent: (event) => {
      waiting = 0;
      ready.push(event);
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream.bytes) {
      waiting += chunk.length;
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (waiting > MAX_EVENT_CHARS)
        throw clientError('client/answer-too-large', `${request.url} sent an endless event.`, {
          retry: 'now',
        });
      for (const { id, event = 'message', data } of ready.splice(0)) yield { id, event, data };
    }
  } finally {
    stream.close();
  }
}
