/** Addresses and node keys as people type them. */
import { fromHex } from '@palisade/core';
import { InvalidArgumentError } from 'commander';

export function parseAddress(text: string): Uint8Array {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return fromHex(text.toLowerCase());
  throw new InvalidArgumentError('an address is 0x and 40 hex digits');
}

export function parseNodeKey(text: string): Uint8Array {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return fromHex(text.toLowerCase());
  throw new InvalidArgumentError('a node key is 0x and 64 hex digits');
}
