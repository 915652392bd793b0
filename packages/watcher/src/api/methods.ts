/** The watcher's HTTP-RPC. */
import { type RpcMethod, rpcMethod } from '@palisade/daemon';
import { z } from 'zod';
import type { Watch } from '../watch/watch.ts';

export function watcherMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'alarm.get': rpcMethod(z.object({}), () => watch.findings.events, { byGet: true }),
  };
}
