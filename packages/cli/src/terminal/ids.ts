/** Addresses, keys and hashes as people type them. */
import { fromHex } from '@palisade/core';
import { InvalidArgumentError } from 'commander';

/** Reads `bytes` bytes of hex; `what` names them in the complaint. */
function hexOf(bytes: number, what: string): (text: string) => Uint8Array {
  const wanted = new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`);
  return (text) => {
    if (wanted.test(text)) return fromHex(text.toLowerCase());
    throw new InvalidArgumentError(`${what} is 0x and ${2 * bytes} hex digits`);
  };
}

/** An account's, here or on Ethereum. */
export const parseAddress = hexOf(20, 'an address');
export const parseNodeKey = hexOf(32, 'a node key');
export const parseHash = hexOf(32, 'a hash');
