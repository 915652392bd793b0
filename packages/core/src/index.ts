/**
 * @palisade/core: what every package stands on. Bytes, errors as data, the declaration language
 * of commands and messages, and the ports through which pure code meets the world.
 */
export * from './bytes.ts';
export * from './errors.ts';
