/**
 * What the transfer is compared with: the same file sealed, spooled, named by its tree, sent to
 * three servers, checked, written and synced there, and fetched again, by Node's own modules and no
 * more: no chain, no agreements, no retries, no limits on who sends what.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DescriptionBuilder, TreeBuilder } from '@palisade/core';

const GROUP = 2 ** 20;
/** What is sent, and synced by the server, at a time. */
const PIECE = 4 * GROUP;
const SEGMENT = 2 ** 18;
const TAG = 16;
const READ = 2 ** 18;

/** Fills a buffer again and again, and hands it on whenever it is full; the last one may be short. */
async function* filled(source: AsyncIterable<Uint8Array>, size: number) {
  let buffer = Buffer.allocUnsafe(size);
  let length = 0;
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + size - length);
      buffer.set(part, length);
      length += part.length;
      at += part.length;
      if (length < size) continue;
      yield buffer;
      buffer = Buffer.allocUnsafe(size);
      length = 0;
    }
  if (length > 0) yield buffer.subarray(0, length);
}

async function* checked(source: AsyncIterable<Uint8Array>) {
  for await (const group of filled(source, GROUP)) {
    const tree = new TreeBuilder();
    tree.push(group);
    tree.finish();
    yield group;
  }
}

function nonce(index: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(index);
  return iv;
}

async function* sealed(source: AsyncIterable<Uint8Array>, key: Buffer) {
  let index = 0;
  for await (const segment of filled(source, SEGMENT)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce(index++));
    yield Buffer.concat([cipher.update(segment), cipher.final(), cipher.getAuthTag()]);
  }
}

async function* opened(source: AsyncIterable<Uint8Array>, key: Buffer) {
  let index = 0;
  for await (const stored of filled(source, SEGMENT + TAG)) {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(index++));
    decipher.setAuthTag(stored.subarray(-TAG));
    const segment = decipher.update(stored.subarray(0, -TAG));
    decipher.final();
    yield segment;
  }
}

/** Writes a stream to a file, in whatever pieces it comes. */
export async function writeTo(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'w');
  try {
    for await (const part of source) await file.write(part);
  } finally {
    await file.close();
  }
}

/** One server, in a process of its own; tells its port on standard output. */
export function servePlain(folder: string): void {
  let file: Promise<FileHandle> | undefined;
  const path = join(folder, `plain-${process.pid}`);
  const take = async (request: IncomingMessage, offset: number) => {
    if (offset === 0) {
      await (await file)?.close();
      file = open(path, 'w');
    }
    const handle = await file!;
    let at = offset;
    for await (const group of checked(request)) {
      await handle.write(group, 0, group.length, at);
      at += group.length;
    }
    await handle.datasync();
  };
  const server = createServer((request, response) => {
    if (request.method === 'GET')
      return void createReadStream(path, { highWaterMark: READ }).pipe(response);
    take(request, Number(request.url!.slice(1))).then(
      () => response.end(),
      (error: Error) => response.destroy(error),
    );
  });
  server.listen(0, '127.0.0.1', () => {
    console.log((server.address() as AddressInfo).port);
  });
}

export class PlainClient {
  readonly #ports: readonly number[];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #key = randomBytes(32);

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async put(path: string, spoolPath: string): Promise<void> {
    const spool = await open(spoolPath, 'w+');
    try {
      for await (const mib of filled(sealed(createReadStream(path), this.#key), GROUP))
        await spool.write(mib);
      await spool.sync();
      const tree = new DescriptionBuilder();
      for await (const chunk of createReadStream(spoolPath)) tree.push(chunk as Buffer);
      tree.finish();
      const { size } = await spool.stat();
      await Promise.all(this.#ports.map((port) => this.#send(port, spool, size)));
    } finally {
      await spool.close();
    }
  }

  get(path: string): Promise<void> {
    const body = this.#body(this.#ports[0]!);
    return writeTo(path, opened(checked(body), this.#key));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(port: number, spool: FileHandle, size: number): Promise<void> {
    for (let at = 0; at < size; at += PIECE) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, size - at));
      await spool.read(piece, 0, piece.length, at);
      const response = await this.#exchange(port, 'PUT', `/${at}`, piece);
      response.resume();
      await new Promise((resolve) => response.once('end', resolve));
    }
  }

  async *#body(port: number): AsyncGenerator<Uint8Array> {
    yield* await this.#exchange(port, 'GET', '/');
  }

  #exchange(port: number, method: string, path: string, body?: Buffer): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, path, agent: this.#agent };
      request(options, resolve).once('error', reject).end(body);
    });
  }
}
