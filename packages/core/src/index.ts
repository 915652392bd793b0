/**
 * @palisade/core: what every package stands on. Bytes, errors as data, the declaration language
 * of commands and messages, what is signed and how, and the ports through which pure code meets
 * the world. Cryptography itself is behind `@palisade/core/crypto`.
 */
export * from './bytes.ts';
export * from './content/index.ts';
export * from './errors.ts';
export { type ExactJson, exactJson, parseExactJson } from './json.ts';
export * from './memory-store.ts';
export * from './ports.ts';
export * from './schema/codec.ts';
export * from './schema/composite.ts';
export type { Form } from './schema/form-type.ts';
export {
  address,
  bool,
  byteList,
  bytes,
  bytes32,
  formed,
  type Infer,
  type Json,
  type JsonSchema,
  type Schema,
  signature64,
  signature65,
  text,
  u8,
  u16,
  u32,
  u64,
  u128,
} from './schema/schema.ts';
export * from './signing/declaration.ts';
export * from './signing/envelope.ts';
export * from './signing/sign.ts';
export * from './signing/typed-data.ts';
export { SOFTWARE_VERSION } from './version.ts';
