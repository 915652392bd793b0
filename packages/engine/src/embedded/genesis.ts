/** Genesis: what is wrong with one, and the hash that ties a data folder to it. */
import { utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { consensusParamsMessage, MAX_CHAIN_ID_BYTES, MAX_VOTES } from '@palisade/formats';
import { bytes, embedded, int64, list, message, string } from '@palisade/formats/wire';
import type { ChainState } from './chain-state.ts';
import { badGenesis, strangers } from './chain-state.ts';
import type { Genesis } from './options.ts';

const validatorMessage = message('GenesisValidator', {
  publicKey: bytes(1),
  power: int64(2),
  name: string(3),
});
const genesisMessage = message('Genesis', {
  chainId: string(1),
  timeNs: int64(2),
  initialHeight: int64(3),
  validators: list(4, validatorMessage, { maxItems: MAX_VOTES, maxBytes: 512 }),
  consensusParams: embedded(5, consensusParamsMessage, 4_096),
  // The application's part may be large, so its hash stands for it.
  appStateHash: bytes(6),
});

/** Hash over everything in a genesis, names included. */
export function genesisHash(genesis: Genesis): Uint8Array {
  return sha256(genesisMessage.encode({ ...genesis, appStateHash: sha256(genesis.appState) }));
}

/** @throws PalisadeError `engine/genesis` for a genesis that cannot begin a chain. */
export function checkGenesis(genesis: Genesis): void {
  const { chainId, initialHeight, timeNs, validators } = genesis;
  const length = utf8(chainId).length;
  if (length < 1 || length > MAX_CHAIN_ID_BYTES) {
    throw badGenesis(
      `its chain id has ${length} bytes, and 1 to ${MAX_CHAIN_ID_BYTES} are allowed`,
    );
  }
  if (initialHeight < 1n) throw badGenesis(`its initial height is ${initialHeight}`);
  if (timeNs <= 0n) throw badGenesis('its time is not after 1970');
  if (validators.length === 0) throw badGenesis('it names no validator');
}

/**
 * The first validators, of genesis or of the application's answer to `initChain`, must be hosted. Later
 * on a key may be missing, as long as the rest makes a quorum.
 * @throws PalisadeError `engine/genesis` naming the keys that are not.
 */
export function checkInitialSet(state: ChainState, hosted: ReadonlySet<string>): void {
  const missing = strangers(state.validators.validators, hosted);
  if (missing.length > 0) throw badGenesis(notHosted(missing));
}

function notHosted(keys: readonly string[]): string {
  return `this process has no key for ${keys.join(', ')}, and only keys it hosts may validate here`;
}
