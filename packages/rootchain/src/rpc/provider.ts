import { PalisadeError } from '@palisade/core';
import { createPublicClient, custom, type PublicClient } from 'viem';
import * as z from 'zod';
import { type Patience, patiently } from './patient.ts';
import type { Rpc } from './rpc.ts';

/** JSON-RPC's code for a call that reverted. */
const REVERTED = 3;

/**
 * viem's public client over our RPC: for typed reads (`client.readContract({ ...exitGame, ... })`). It
 * waits patiently for a node that fails; a refusal (a revert, say) is thrown at once, as viem's error.
 */
export function publicClient(rpc: Rpc, patience: Patience = {}): PublicClient {
  const request = async ({ method, params }: { method: string; params?: unknown }) => {
    const question = {
      method,
      params: (params ?? []) as readonly unknown[],
      result: z.unknown(),
    };
    try {
      return await patiently(() => rpc.ask(question, patience.signal), patience);
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.data.revert === undefined) throw error;
      throw Object.assign(new Error(error.message), { code: REVERTED, data: error.data.revert });
    }
  };
  return createPublicClient({ transport: custom({ request }, { retryCount: 0 }) });
}
