/**
 * @palisade/daemon: the habits that every Palisade process shares. Settings with origins, logs
 * without secrets, encrypted keys, an orderly life and death, health and metrics, files written
 * whole. The README of this package shows them together.
 */
export * from './base.ts';
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
export { setAlarm } from './lifecycle/alarm.ts';
export {
  type DaemonContext,
  type DaemonOptions,
  launchDaemon,
  type RunningDaemon,
  type StartDaemon,
} from './lifecycle/daemon.ts';
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
