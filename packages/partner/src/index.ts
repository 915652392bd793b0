/**
 * @palisade/partner: the daemon of whoever offers storage. It announces what it has, takes jobs that
 * fit, keeps their contents, proves them every session and is paid for it.
 */
export {
  DEVELOPMENT_TIMING,
  type PartnerConfig,
  type PartnerTerms,
  type PartnerTiming,
  partnerConfig,
} from './config.ts';
export { runPartnerDaemon } from './daemon.ts';
export { orderSectors, type SealOrderOptions, sectorsOnDisk } from './miner/order.ts';
export { Sealer } from './miner/sealer.ts';
export type { Network } from './network.ts';
export type { PartnerOptions } from './options.ts';
export { openPartner, type RunningPartner, startPartner } from './partner.ts';
