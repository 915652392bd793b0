/** What failing costs (spec/sectors.md, section 6): whole base units, rounded down. */
import { PPM } from '@palisade/chain';
import type { SectorsParams } from './params.ts';

function share(amount: bigint, ppm: number): bigint {
  return (amount * BigInt(ppm)) / PPM;
}

/** Fee of one more period of a fault. */
export function faultFee(params: SectorsParams, pledged: bigint): bigint {
  return share(pledged, params.faultFeePpm);
}

/** Fee of a sector that ends before its time, at an age in blocks. */
export function terminationFee(params: SectorsParams, pledged: bigint, age: bigint): bigint {
  const fullAge = BigInt(params.terminationAgeBlocks);
  const counted = age < fullAge ? age : fullAge;
  const byAge = (pledged * BigInt(params.terminationPpm) * counted) / (PPM * fullAge);
  const least = share(pledged, params.leastTerminationPpm);
  const overFault = share(faultFee(params, pledged), params.terminationFaultPpm);
  return [byAge, least, overFault].reduce((most, fee) => (fee > most ? fee : most));
}

/** What a false window proof costs for each sector that it was for. */
export function disputeFee(params: SectorsParams, pledged: bigint): bigint {
  return faultFee(params, pledged) + share(pledged, params.disputeFeePpm);
}

/** What of a slashed amount the one who showed it gets. */
export function disputeReward(params: SectorsParams, taken: bigint): bigint {
  return share(taken, params.disputeRewardPpm);
}
