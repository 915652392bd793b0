/**
 * EIP-712: what is signed is the hash of typed data that a wallet can show. The domain has a salt,
 * the genesis hash, and no chainId: wallets refuse typed data of a chain they are not connected to.
 */
import { concat, toHex, utf8 } from '../bytes.ts';
import { keccak256 } from '../crypto/wasm-hashes.ts';
import type { Json } from '../schema/schema.ts';
import type { Declaration } from './declaration.ts';

const DOMAIN_NAME = 'Palisade';
/** Version of the signed forms; a change of any declaration's meaning needs a new one. */
const DOMAIN_VERSION = '1';
const DOMAIN_TYPE = 'EIP712Domain(string name,string version,bytes32 salt)';
const PREFIX = Uint8Array.of(0x19, 0x01);

/** One chain's signing domain: its separator and the salt it was made of. */
export type Domain = { readonly genesisHash: Uint8Array; readonly separator: Uint8Array };

/** The domain of the chain whose genesis document hashes to `genesisHash` (32 bytes). */
export function signingDomain(genesisHash: Uint8Array): Domain {
  const separator = keccak256(
    concat(
      keccak256(utf8(DOMAIN_TYPE)),
      keccak256(utf8(DOMAIN_NAME)),
      keccak256(utf8(DOMAIN_VERSION)),
      genesisHash,
    ),
  );
  return { genesisHash, separator };
}

/** Where the prefix, a domain's separator and a value's word are laid out to be hashed. */
const signed = concat(PREFIX, new Uint8Array(32 + 32));

/** The 32 bytes that are signed. They do not say by whom: see `idOf`. */
export function digestOf<T>(declaration: Declaration<T>, value: T, domain: Domain): Uint8Array {
  signed.set(domain.separator, PREFIX.length);
  signed.set(declaration.schema.word(value), PREFIX.length + 32);
  return keccak256(signed);
}

/**
 * The id of a signed transaction or message, 32 bytes: what was said, where, and by whom. It does
 * not depend on the signature, of which there may be several for the same words, but it does on the
 * sender, because two may say the same.
 */
export function idOf(digest: Uint8Array, sender: Uint8Array): Uint8Array {
  return keccak256(concat(digest, sender));
}

/** The object that `eth_signTypedData_v4` takes. */
export function typedData<T>(declaration: Declaration<T>, value: T, domain: Domain): Json {
  const types: Record<string, Json> = {
    EIP712Domain: [
      { name: 'name', type: 'string' },
      { name: 'version', type: 'string' },
      { name: 'salt', type: 'bytes32' },
    ],
  };
  for (const [name, definition] of declaration.schema.structs)
    types[name] = definition
      .slice(name.length + 1, -1)
      .split(',')
      .filter((member) => member !== '')
      .map((member) => {
        const [type, field] = member.split(' ');
        return { name: field!, type: type! };
      });
  return {
    types,
    primaryType: declaration.schema.name,
    domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, salt: toHex(domain.genesisHash) },
    message: declaration.schema.toJson(value),
  };
}
