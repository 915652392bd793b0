/** What the chain knows of a partner, as clients see it with every offer: they decide their risk (C2V-4.1). */
import type { Json } from '@palisade/core';
import { ROLE, standingView, standingViewOf } from '@palisade/market';
import type { Pool } from '../services/pool.ts';

export function standingJson({ application }: Pool, partner: Uint8Array): Json {
  return standingView.toJson(standingViewOf(application.committed, ROLE.partner, partner));
}
