/** Talking to daemons: the directory, the retry policy, requests, transactions, events. */
export {
  type BlockView,
  type ChainEvent,
  type MessageOf,
  openMessage,
  type Ready,
  type Said,
  type Status,
} from './answers.ts';
export { type ChainClient, connect } from './chain-client.ts';
export type { ConnectOptions, Probe } from './client-context.ts';
export { Directory, type Endpoint, type Validator } from './directory.ts';
export { baseUrl, type DirectoryData, parseDirectory, type Seat } from './directory-data.ts';
export { type Environment, environment } from './environment.ts';
export type { ClientErrorCode } from './errors.ts';
export { type FollowOptions, readEvent } from './following.ts';
export {
  type HttpRequest,
  MAX_JSON_BYTES,
  type OpenStream,
  openStream,
  requestBytes,
  requestJson,
} from './http.ts';
export { allPages, type Payout } from './pages.ts';
export { openReady, type PartnerRecord } from './partners.ts';
export {
  type Answer,
  DEFAULT_POLICY,
  DEVELOPMENT_POLICY,
  type ReachContext,
  type ReachOptions,
  type ReachPolicy,
  reach,
} from './reach.ts';
export type { Question } from './requests.ts';
export type {
  CommandFields,
  Deliver,
  Included,
  Posted,
  SendOptions,
  WaitOptions,
} from './sending.ts';
export { IDLE_MS, type ServerEvent, serverEvents } from './server-events.ts';
export * as shapes from './shapes.ts';
export type { Submitted } from './submitting.ts';
