import type { KeyValueReader } from '@palisade/core';
import { flows } from '../../chain/src/accounts/state.ts';

/** What was burned for a reason so far, base units. */
export function burnedBy(state: KeyValueReader, sink: string): bigint {
  return flows.get(state, `pal:burn:${sink}`) ?? 0n;
}
