/** Reports on a real root chain, which takes back more than anybody allowed for. */
import { signEnvelope } from '@palisade/core';
import { type Logger, silentLogger } from '@palisade/daemon';
import { nextEvent } from '@palisade/payments';
import { httpRpc } from '@palisade/rootchain';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Kit, startPayments } from '../../../payments/test/payments-kit.ts';
import { BOB } from '../../../payments/test/wallets.ts';
import { depositCall, mined, type Root, startRoot } from '../../../rootchain/test/root.ts';
import type { Pool } from '../services/pool.ts';
import type { Validator } from '../services/validator.ts';
import { Reporter } from './reporter.ts';

const MARGIN = 2;

let root: Root;
let end: AbortController;
let reading: Promise<unknown>;
beforeAll(async () => {
  root = await startRoot();
});
afterAll(() => root.stop());
afterEach(async () => {
  end.abort();
  await reading;
});

/** A chain with one validator, which reports; answers the codes of what it complained of. */
function report(kit: Kit): { readonly reporter: Reporter; readonly errors: readonly string[] } {
  const machine = kit.chain.machine('v0');
  const pool = {
    application: {
      get committed() {
        return kit.chain.state;
      },
    },
    engine: {
      submit: async (tx: Uint8Array) => {
        await kit.chain.block([tx]);
        return { accepted: true, known: false };
      },
    },
  } as unknown as Pool;
  const self = {
    ...{ name: 'v0', nodeKey: machine.id, redirect: () => undefined },
    sign: (...[declaration, value]: Parameters<Validator['sign']>) =>
      signEnvelope(declaration, value, kit.chain.domain, machine),
  } as unknown as Validator;
  const errors: string[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (_message, fields) => {
      errors.push((fields!.err as { readonly code: string }).code);
    },
  };
  end = new AbortController();
  const reporter = new Reporter({
    ...{ pool, validators: [self], find: () => undefined, pollMs: 20, signal: end.signal, log },
    ...{ rpc: httpRpc({ urls: [root.anvil.url] }), contracts: root.contracts },
  });
  reading = reporter.read().catch(() => undefined);
  return { reporter, errors };
}

async function deposit(who: number, amount: bigint): Promise<void> {
  const sender = root.sender(who);
  await mined(sender.send(depositCall(root, sender.address, amount)));
}

/** Blocks of the chain come, until something is so. */
async function until(reporter: Reporter, look: () => boolean, what: string): Promise<void> {
  for (const last = Date.now() + 30_000; !look(); ) {
    if (Date.now() > last) throw new Error(`waited in vain for ${what}`);
    await reporter.look();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('reports on a root chain', () => {
  it('[X1][X4] go on when it takes back more than the margin and gives the same again', async () => {
    const kit = await startPayments({ depositMargin: MARGIN });
    const { reporter, errors } = report(kit);
    await deposit(1, 5n);
    await root.mine(MARGIN + 1);
    await until(reporter, () => kit.next === 1n, 'the deposit');
    await root.anvil.control('anvil_reorg', MARGIN + 2, []);
    await deposit(1, 5n);
    await deposit(2, 7n);
    await root.mine(MARGIN + 1);
    await until(reporter, () => kit.next === 2n, 'what came after');
    expect(errors).toEqual([]);
  });

  it('[X1][X4] stop, and say so, when it has something else than what was agreed on', async () => {
    const kit = await startPayments({ depositMargin: MARGIN });
    await kit.agree(kit.depositOf(1, BOB, 1_000n));
    const { reporter, errors } = report(kit);
    await until(reporter, () => errors.length > 0, 'a complaint');
    await kit.chain.blocks(2);
    await reporter.look();
    expect(errors).toEqual(['node/another-root-chain']);
    expect(nextEvent.need(kit.chain.state)).toBe(1n);
  });
});
