/** Findings as server-sent events: one message whenever what is going on changes, resumable by id. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exactJson } from '@palisade/core';
import type { Findings } from '../watch/watch.ts';

/** Readers at once: dashboards and scripts of one person. */
const MAX_READERS = 64;
/** Messages kept for readers that come back: danger changes a few times a day. */
const KEPT = 256;
/** Proxies close what is silent for a minute. */
const BEAT_MS = 20_000;

export class EventStream {
  private readonly readers = new Set<ServerResponse>();
  private readonly kept: { readonly id: number; readonly text: string }[] = [];
  private readonly beat: ReturnType<typeof setInterval>;
  private last = '';
  private nextId = 1;

  constructor() {
    this.beat = setInterval(() => this.write(':\n\n'), BEAT_MS);
    this.beat.unref();
  }

  /** Tells of findings, if they differ from those before. */
  tell({ danger, events, synced }: Findings): void {
    const data = exactJson({ danger, synced, events });
    if (data === this.last) return;
    this.last = data;
    const id = this.nextId++;
    const text = `id: ${id}\nevent: findings\ndata: ${data}\n\n`;
    this.kept.push({ id, text });
    if (this.kept.length > KEPT) this.kept.shift();
    this.write(text);
  }

  serve(request: IncomingMessage, response: ServerResponse): true {
    if (this.readers.size >= MAX_READERS) {
      response.writeHead(503, { 'retry-after': '10' }).end();
      return true;
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
    });
    const after = Number(request.headers['last-event-id'] ?? this.nextId - 2);
    for (const { id, text } of this.kept) if (id > after) response.write(text);
    this.readers.add(response);
    response.on('close', () => this.readers.delete(response));
    return true;
  }

  private write(text: string): void {
    for (const reader of this.readers) reader.write(text);
  }

  close(): void {
    clearInterval(this.beat);
    for (const reader of this.readers) reader.end();
  }
}
