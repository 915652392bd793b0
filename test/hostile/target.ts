/** A node to be attacked, in this process, with a clock that moves only when a block is made. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningNode } from '@palisade/node';
import {
  DEVELOPMENT_TIMING,
  makeNetwork,
  type Network,
} from '../../packages/devnet/src/network.ts';
import { startTestNode } from '../../packages/node/test/test-node.ts';

export const START_MS = 1_700_000_000_000;
/** Connections that cases share: enough that the node never waits for us. */
const CONNECTIONS = 32;
/** Idle connections are dropped after this long, ms: before the node does, which would be a race. */
const IDLE_MS = 7_000;
/** An answer must come within this time, ms, also on a busy machine. */
const ANSWER_MS = 30_000;

export type Sent = {
  readonly method: string;
  readonly path: string;
  readonly body?: Uint8Array | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};
export type Answer = { readonly status: number; readonly body: string };

export type Target = {
  readonly node: RunningNode;
  readonly network: Network;
  readonly nowMs: () => number;
  /** Moves the clock on by a block's time and makes one; answers with the app hash. */
  block(): Promise<Uint8Array>;
  send(sent: Sent, validator?: number): Promise<Answer>;
  stop(): Promise<void>;
};

/** The same seed makes a node of the same chain, so that one can be held against another. */
export async function startTarget(): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'palisade-hostile-'));
  const network = makeNetwork('hostile', START_MS, DEVELOPMENT_TIMING);
  let nowMs = START_MS;
  const { node, stop } = await startTestNode(network, {
    dataDir,
    clock: { nowMs: () => nowMs },
    faucetSecret: network.faucetSecret,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, timeout: IDLE_MS });
  const { engine, urls } = node;
  return {
    node,
    network,
    nowMs: () => nowMs,
    async block() {
      nowMs += 1000;
      await engine.produce();
      return (await engine.status()).appHash;
    },
    send: (sent, validator = 0) => send(agent, urls[validator]!, sent),
    async stop() {
      agent.destroy();
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function send(agent: Agent, url: string, { method, path, body, headers }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { agent, hostname, port, method, path, headers: { ...headers }, timeout: ANSWER_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString() }),
        );
        response.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
