import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PalisadeError } from '@palisade/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeNode, FakeRoot, followed, type SOURCES } from '../../test/fake-root.ts';
import { httpRpc, type Rpc, type Step, thinned } from '../index.ts';
import { chainIdQuestion } from '../rpc/shapes.ts';
import type { Checkpoint } from './checkpoint.ts';

const MARGIN = 12;
/** An exit whose log the first node leaves out. */
const THEFT = 66n;

let chain: FakeRoot;
let first: FakeNode;
let witness: FakeNode;
/** What somebody has who follows: exits by their height, and checkpoints. */
let exits: Map<bigint, bigint>;
let kept: readonly Checkpoint[];
let rewinds: number;
let troubles: PalisadeError[];

beforeEach(() => {
  chain = new FakeRoot();
  first = chain.node('one.example');
  witness = chain.node('two.example');
  exits = new Map();
  [kept, rewinds, troubles] = [[], 0, []];
  chain.mine(2 * MARGIN);
});

function take(step: Step<typeof SOURCES>): void {
  const { checkpoint } = step;
  if (step.kind === 'rewind') {
    rewinds++;
    kept = kept.filter(({ height }) => height <= checkpoint.height);
    exits = new Map([...exits].filter(([, height]) => height <= checkpoint.height));
    return;
  }
  kept = thinned([...kept, checkpoint]);
  for (const { name, args, height } of step.logs)
    if (name === 'ExitFinalized') exits.set(args.exitId, height);
}

/** Follows, from where it was, until all that counts so far was read, and then block by block until `done`. */
async function read(done: () => boolean, batchBlocks = 1000n): Promise<void> {
  let looks = 0;
  await followed(
    { rpc: first, witness, resume: kept, batchBlocks, onTrouble: (error) => troubles.push(error) },
    (step) => {
      take(step);
      const isAtEnd = kept.at(-1)?.height === BigInt(chain.height - MARGIN);
      return isAtEnd && done();
    },
    () => {
      if (++looks > 1000) throw new Error('waited in vain');
      chain.mine(1);
    },
  );
}
const isAtEnd = () => true;
const unwitnessed = () => kept.at(-1)!.height - kept.at(-1)!.witnessed.height;

/** Fails for good when a node is asked more often: who asks without a pause never lets anything else happen. */
function atMost(node: FakeNode, questions: number): Rpc['ask'] {
  let asked = 0;
  return async (question) => {
    if (++asked > questions) throw new Error('asked without a pause');
    return node.ask(question);
  };
}

describe('logs that no counter misses', () => {
  it('[X1] which a node hides just while the witness is silent are found when it answers', async () => {
    await read(isAtEnd);
    chain.mine(MARGIN, THEFT);
    const height = BigInt(chain.height);
    chain.mine(MARGIN);
    witness.isSilent = true;
    first.hides.add(THEFT);
    await read(isAtEnd);
    expect([exits.size, unwitnessed()]).toEqual([0, 2n * BigInt(MARGIN)]);
    witness.isSilent = false;
    first.hides.clear();
    await read(() => unwitnessed() === 0n);
    expect([...exits]).toEqual([[THEFT, height]]);
    expect(rewinds).toBe(1);
  });

  it('[X1] are found long after, by who started anew in between, without asking for more than there is', async () => {
    witness.isSilent = true;
    first.hides.add(THEFT);
    chain.mine(1, THEFT);
    await read(() => chain.height > 170, 1n);
    expect(exits.size).toBe(0);
    witness.isSilent = false;
    first.hides.clear();
    await read(() => exits.size > 0);
    expect([...exits.keys()]).toEqual([THEFT]);
    expect(rewinds).toBe(1);
  });

  it('[X1] of which there are none cost one question for all that the witness was silent at', async () => {
    chain.mine(5, 1n);
    witness.isSilent = true;
    await read(() => chain.height > 170, 1n);
    witness.isSilent = false;
    witness.asked.clear();
    await read(() => unwitnessed() === 0n);
    expect(rewinds).toBe(0);
    expect(witness.asked.get('eth_getLogs')).toBeLessThanOrEqual(4);
  });

  it('[X1] are compared in smaller ranges where a node refuses so many blocks', async () => {
    chain.mine(5, THEFT);
    first.hides.add(THEFT);
    witness.isSilent = true;
    chain.mine(200);
    await read(isAtEnd);
    first.hides.clear();
    witness.isSilent = false;
    witness.mostBlocks = 7;
    await read(() => unwitnessed() === 0n);
    expect([...exits.keys()]).toEqual([THEFT]);
  });

  it('[X1] of which there are none do not count while the witness has another block there', async () => {
    await read(isAtEnd);
    const { height } = kept.at(-1)!;
    const told = witness.ask.bind(witness);
    const elsewhere = `0x${'e'.repeat(64)}` as const;
    let asked = 0;
    witness.ask = async (question) => {
      const answer = await told(question);
      const isBlock = question.method === 'eth_getBlockByNumber' && answer !== undefined;
      // It is on the other branch for some time; meanwhile nothing is handed out.
      if (!isBlock || ++asked > 8) return answer;
      expect(kept.at(-1)!.height).toBe(height);
      return { ...answer, hash: elsewhere };
    };
    chain.mine(3);
    await read(() => asked > 8);
    expect(troubles.map(({ message }) => message).join()).toMatch(/differ in block/);
    expect([unwitnessed(), rewinds]).toEqual([0n, 0]);
  });

  it('[X1] a witness that is behind has not told that there are none', async () => {
    chain.mine(MARGIN, THEFT);
    chain.mine(MARGIN);
    first.hides.add(THEFT);
    witness.lag = 30;
    await read(isAtEnd);
    expect([exits.size, unwitnessed() > 0n]).toEqual([0, true]);
    first.hides.clear();
    witness.lag = 0;
    await read(() => unwitnessed() === 0n);
    expect([...exits.keys()]).toEqual([THEFT]);
  });

  it('[X1] are compared with a witness that keeps no old blocks, as far as it has them', async () => {
    witness.isSilent = true;
    await read(isAtEnd);
    witness.isSilent = false;
    witness.prunedTo = chain.height;
    chain.mine(MARGIN, THEFT);
    chain.mine(MARGIN);
    await read(isAtEnd);
    expect([...exits.keys()]).toEqual([THEFT]);
    const before = kept.at(-1)!.height;
    first.hides.add(THEFT + 1n);
    chain.mine(1, THEFT + 1n);
    const height = BigInt(chain.height);
    let looks = 0;
    await followed(
      { rpc: first, witness, resume: kept, onTrouble: (error) => troubles.push(error) },
      (step) => {
        take(step);
        return step.checkpoint.height >= height;
      },
      () => {
        chain.mine(1);
        if (++looks === 50) first.hides.clear();
      },
    );
    expect(troubles.some(({ message }) => message.includes('tell different logs'))).toBe(true);
    expect([...exits.keys()]).toEqual([THEFT, THEFT + 1n]);
    expect(unwitnessed()).toBeGreaterThan(height - before);
  });

  it('[X1] are waited for, and not asked for without a pause, where the first node itself is behind', async () => {
    witness.isSilent = true;
    chain.mine(MARGIN);
    await read(isAtEnd);
    witness.isSilent = false;
    first.lag = 2 * MARGIN;
    first.asked.clear();
    let pauses = 0;
    await followed(
      { rpc: { ask: atMost(first, 200) }, witness, resume: kept },
      (step) => {
        take(step);
        return unwitnessed() === 0n;
      },
      () => {
        if (++pauses === 20) first.lag = 0;
        if (pauses >= 20) chain.mine(1);
      },
    );
    expect(rewinds).toBe(0);
  });

  it('[X1] do not count without the witness where some were hidden before', async () => {
    await read(isAtEnd);
    chain.mine(MARGIN, THEFT);
    chain.mine(MARGIN);
    witness.isSilent = true;
    first.hides.add(THEFT);
    await read(isAtEnd);
    witness.isSilent = false;
    first.hides.clear();
    // As soon as it is found out, all is as it was while it was hidden.
    let looks = 0;
    const onTrouble = () => {
      looks++;
    };
    await followed(
      { rpc: first, witness, resume: kept, onTrouble },
      (step) => {
        take(step);
        if (step.kind !== 'rewind') return exits.size > 0;
        witness.isSilent = true;
        first.hides.add(THEFT);
        return false;
      },
      () => {
        if (looks < 30) return;
        witness.isSilent = false;
        first.hides.clear();
      },
    );
    expect(looks).toBeGreaterThanOrEqual(30);
    expect(rewinds).toBe(1);
  });

  it('[X1] nodes that disagree for ever stop everything, and who reads it knows what to do', async () => {
    await read(isAtEnd);
    const before = kept.at(-1)!.height;
    chain.mine(MARGIN, THEFT);
    chain.mine(MARGIN);
    const end = chain.height - MARGIN;
    first.hides.add(THEFT);
    const stop = new AbortController();
    await followed(
      {
        ...{ rpc: first, witness, resume: kept, signal: stop.signal },
        onTrouble: (error) => {
          if (troubles.push(error) === 20) stop.abort();
        },
      },
      () => {
        throw new Error('handed out');
      },
    );
    const { message, next } = troubles.at(-1)!;
    expect(message).toBe(
      `Two nodes of the root chain, one.example and two.example, tell different logs of the blocks ${before + 1n} to ${end}. They tell 0 and 1, and differ first in block ${end}.`,
    );
    expect(next).toMatch(/third node/);
  });
});

describe('nodes by their addresses', () => {
  const servers = [0, 1].map(() =>
    createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () =>
        response.end(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(text).id, result: '0x1' })),
      );
    }),
  );
  afterEach(() => {
    for (const server of servers) server.close();
  });

  it('[X1] a witness is never the node whose word it has to confirm', async () => {
    for (const server of servers)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const hosts = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    const urls = hosts.map((host) => `http://${host}/a-secret`);
    const rpc = httpRpc({ urls });
    const other = httpRpc({ urls, except: () => rpc.node });
    await rpc.ask(chainIdQuestion);
    await other.ask(chainIdQuestion);
    const names = hosts.map((host, i) => `${host} (#${i + 1})`);
    expect([rpc.node, other.node]).toEqual(names);
    rpc.turn?.();
    await rpc.ask(chainIdQuestion);
    expect(rpc.node).toBe(names[1]);
    rpc.turn?.();
    servers[0]!.closeAllConnections();
    await new Promise((resolve) => servers[0]!.close(resolve));
    const unreachable = { code: 'rootchain/unreachable' };
    await expect(rpc.ask(chainIdQuestion)).rejects.toMatchObject(unreachable);
    await rpc.ask(chainIdQuestion);
    expect(rpc.node).toBe(names[1]);
    await expect(other.ask(chainIdQuestion)).rejects.toMatchObject(unreachable);
  });
});
