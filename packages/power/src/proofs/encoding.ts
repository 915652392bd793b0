/** Encoding: data XOR the last layer's labels, so that no byte of a sector is there without them. */
import { PalisadeError } from '@palisade/core';

/**
 * Data and labels one over the other: sealing, and opening what is sealed. A shorter `data` counts as
 * filled up with zeros, which is how free room is sealed.
 *
 * @throws PalisadeError `power/too-much-data` when the data is longer than the labels
 */
export function encodeSector(data: Uint8Array, labels: Uint8Array): Uint8Array {
  if (data.length > labels.length)
    throw new PalisadeError({
      code: 'power/too-much-data',
      message: `${data.length} bytes of data do not fit a sector of ${labels.length}.`,
    });
  const sealed = labels.slice();
  const words = Math.floor(data.length / 4);
  // Whole words where both lie at their bounds: about eight times as fast as bytes.
  if (data.byteOffset % 4 === 0) {
    const from = new Uint32Array(data.buffer, data.byteOffset, words);
    const into = new Uint32Array(sealed.buffer, 0, words);
    for (let i = 0; i < words; i++) into[i] = into[i]! ^ from[i]!;
  } else for (let i = 0; i < words * 4; i++) sealed[i] = sealed[i]! ^ data[i]!;
  for (let i = words * 4; i < data.length; i++) sealed[i] = sealed[i]! ^ data[i]!;
  return sealed;
}
