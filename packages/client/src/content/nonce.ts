/** The STREAM nonce: which segment this is, and whether it is the last. */

const NONCE_BYTES = 12;
const COUNTER_AT = 7;
const LAST_FLAG_AT = 11;

export function segmentNonce(index: number, isLast: boolean): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setUint32(COUNTER_AT, index);
  nonce[LAST_FLAG_AT] = isLast ? 1 : 0;
  return nonce;
}
