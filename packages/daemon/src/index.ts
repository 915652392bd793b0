/**
 * @palisade/daemon: the habits that every Palisade process shares. Settings with origins, logs
 * without secrets, encrypted keys, an orderly life and death, health and metrics, files written
 * whole. The README of this package shows them together.
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
  type Check,
  createHealth,
  type Health,
  type HealthKind,
  type HealthReport,
} from './health/health.ts';
export {
  createOperatorPages,
  type OperatorPages,
  type Page,
  serveOperatorPages,
} from './health/operatorPages.ts';
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
export { setAlarm } from './lifecycle/alarm.ts';
export {
  type DaemonContext,
  type DaemonOptions,
  launchDaemon,
  type RunningDaemon,
  type StartDaemon,
} from './lifecycle/daemon.ts';
export { type DataLock, lockDataDir } from './lifecycle/dataLock.ts';
export { pause } from './lifecycle/pause.ts';
export { runDaemon } from './lifecycle/runDaemon.ts';
export { stopServer } from './lifecycle/stopServer.ts';
export {
  type Closer,
  createStopStack,
  type StopReport,
  type StopStack,
} from './lifecycle/stopStack.ts';
export {
  createLogger,
  type LogFields,
  type Logger,
  type LogSettings,
  type LogSink,
  type RootLogger,
  silentLogger,
} from './log/logger.ts';
export { type LogLevel, logSection } from './log/section.ts';
export {
  createMetrics,
  declareMetrics,
  type MetricDeclaration,
  type Metrics,
  type MetricsPage,
  type MetricTable,
  noMetrics,
} from './metrics/metrics.ts';
export { badRequest, RpcFailure, type RpcMethod, RpcPage, rpcMethod } from './rpc/method.ts';
export { type RpcOptions, type RpcServer, serveRpc } from './rpc/server.ts';
