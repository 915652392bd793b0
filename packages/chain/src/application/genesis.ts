/** The genesis document: one JSON file that all replicas begin with; its hash names the chain. */
import { type Json, PalisadeError, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';

/** Sections of the application's state, by module. */
export type GenesisState = { readonly [module: string]: Json };

export type Genesis = {
  readonly chainId: string;
  /** Block time of the chain's beginning, ms since 1970. */
  readonly timeMs: number;
  readonly state: GenesisState;
};

/** JSON with sorted keys and no white space: equal documents have equal bytes. */
export function canonicalJson(json: Json): string {
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join(',')}]`;
  if (typeof json === 'object' && json !== null) {
    const entries = Object.entries(json as { readonly [key: string]: Json });
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${canonicalJson(value)}`).join(',')}}`;
  }
  return JSON.stringify(json);
}

/** SHA-256 of the document's canonical JSON: salt of the signing domain. */
export function genesisHash(genesis: Genesis): Uint8Array {
  return sha256(utf8(canonicalJson(genesis as unknown as Json)));
}

/** The document as the application's initial state bytes. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  return utf8(canonicalJson(genesis as unknown as Json));
}

/** @throws PalisadeError `chain/bad-genesis` */
export function parseGenesis(json: unknown): Genesis {
  const bad = (why: string) =>
    new PalisadeError({ code: 'chain/bad-genesis', message: `The genesis document ${why}.` });
  if (typeof json !== 'object' || json === null) throw bad('is not a JSON object');
  const { chainId, timeMs, state } = json as Record<string, unknown>;
  if (typeof chainId !== 'string' || !/^[a-z0-9-]{3,50}$/.test(chainId))
    throw bad('needs a "chainId" of 3 to 50 lower-case letters, digits and dashes');
  if (typeof timeMs !== 'number' || !Number.isSafeInteger(timeMs) || timeMs < 0)
    throw bad('needs "timeMs", milliseconds since 1970');
  if (typeof state !== 'object' || state === null || Array.isArray(state))
    throw bad('needs "state", an object with a section per module');
  return { chainId, timeMs, state: state as GenesisState };
}
