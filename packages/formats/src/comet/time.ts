/**
 * Times and durations. In TypeScript both are a `bigint` of nanoseconds, times since 1970; on the
 * wire they are protobuf's Timestamp and Duration {seconds, nanos}.
 */
import type { Field } from './wire.ts';
import { embedded, int32, int64, malformed, mapped, message } from './wire.ts';

const NS_PER_SECOND = 1_000_000_000n;
/** 0001-01-01T00:00:00Z, first second that a Timestamp may have, and Go's zero time. */
const MIN_SECONDS = -62_135_596_800n;
/** 9999-12-31T23:59:59Z, last second that a Timestamp may have. */
const MAX_SECONDS = 253_402_300_799n;
/** Seconds (11) and nanoseconds (6) at their longest. */
const MAX_TIME_BYTES = 17;

/** Go's zero time: what a vote that was never cast carries as its time. */
export const ZERO_TIME_NS = MIN_SECONDS * NS_PER_SECOND;

const secondsMessage = message('Timestamp', { seconds: int64(1), nanos: int32(2) });
type Seconds = { readonly seconds: bigint; readonly nanos: number };

/** `google.protobuf.Timestamp` of nanoseconds since 1970; an absent one is `ZERO_TIME_NS`. */
export function timestamp(number: number): Field<bigint> {
  return mapped(embedded(number, secondsMessage, MAX_TIME_BYTES), {
    from: nsFromTimestamp,
    to: timestampFromNs,
    zero: ZERO_TIME_NS,
  });
}

/** `google.protobuf.Duration` of nanoseconds; negative ones are refused. */
export function duration(number: number): Field<bigint> {
  return mapped(embedded(number, secondsMessage, MAX_TIME_BYTES), {
    from: nsFromDuration,
    to: (ns) => ({ seconds: ns / NS_PER_SECOND, nanos: Number(ns % NS_PER_SECOND) }),
  });
}

/** Bytes of a Timestamp message on its own: the time leaf of a header. */
export function encodeTimestamp(ns: bigint): Uint8Array {
  return secondsMessage.encode(timestampFromNs(ns));
}

function nsFromTimestamp({ seconds, nanos }: Seconds): bigint {
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw malformed('a year is not 1 to 9999');
  if (nanos < 0 || nanos >= Number(NS_PER_SECOND)) throw malformed('nanoseconds exceed a second');
  return seconds * NS_PER_SECOND + BigInt(nanos);
}

function nsFromDuration({ seconds, nanos }: Seconds): bigint {
  if (seconds < 0n || seconds > MAX_SECONDS) throw malformed('a duration is negative or too long');
  if (nanos < 0 || nanos >= Number(NS_PER_SECOND)) throw malformed('nanoseconds exceed a second');
  return seconds * NS_PER_SECOND + BigInt(nanos);
}

function timestampFromNs(ns: bigint): Seconds {
  // Nanoseconds never are negative, so times before 1970 round their seconds down.
  const nanos = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const seconds = (ns - nanos) / NS_PER_SECOND;
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw malformed('a year is not 1 to 9999');
  return { seconds, nanos: Number(nanos) };
}
