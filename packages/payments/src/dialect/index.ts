import type { Dialect } from './dialect.ts';
import { v1 } from './v1.ts';
import { v2 } from './v2.ts';

export { type Bond, type Dialect, type ExitIdRule, isInFlight } from './dialect.ts';
export { v1, v2 };

/** Dialects by the name that settings give them. */
export const DIALECTS: Readonly<Record<Dialect['name'], Dialect>> = { v1, v2 };
