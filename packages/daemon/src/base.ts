/**
 * @palisade/daemon/base: what a command has in common with a daemon, without the logs and metrics of what
 * runs on. Settings with origins, encrypted keys, files written whole, the lock of a folder, answers of strangers.
 */
export { type ConfigKey, type ConfigSection, listKeys, listSections } from './config/keys.ts';
export {
  type Config,
  type ConfigSources,
  checkConfig,
  loadConfig,
  type Origin,
  type Problem,
  renderProblem,
} from './config/loadConfig.ts';
export { renderConfig, renderToml } from './config/render.ts';
export { atomicWrite } from './files/atomicWrite.ts';
export { directorySize, ensureDir, freeBytes } from './files/folders.ts';
export {
  decryptSecret,
  encryptSecret,
  type KeystoreFile,
  LIGHT_COST,
  parseKeystore,
  STANDARD_COST,
} from './keystore/eip2335.ts';
export { addressOfPublicKey, type KeyKind, publicKeyOf, randomSecret } from './keystore/keys.ts';
export {
  type KeyInfo,
  type Keystore,
  type NewKey,
  openKeystore,
  type UnlockedKey,
} from './keystore/keystore.ts';
export { type DataLock, lockDataDir } from './lifecycle/dataLock.ts';
export { readBounded } from './rpc/readBounded.ts';
