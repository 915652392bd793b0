/**
 * The space for young objects of the JavaScript heap. V8 doubles it with what outlives a collection, thus
 * already by loading this program, up to 33 MB (67 in Node 24); and the rarer it is collected, the more
 * buffers that were sent long ago wait for that.
 */
import { setFlagsFromString } from 'node:v8';

/** From here on it grows no more: a command needs none of that room. V8 has no other word for it at run time. */
export function holdYoungSpace(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** As V8 has it by itself: for daemons, which run for long and under load. */
export function freeYoungSpace(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
