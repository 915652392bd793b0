/**
 * Addresses: read in every spelling that some program somewhere takes for one, and never compared
 * as text. What is not a plain public address is nobody's business behind a tunnel, unless the
 * operator says otherwise.
 */

/** A number of 32 or 128 bits. An IPv4 address inside an IPv6 one is that IPv4 address. */
export type IpAddress = { readonly family: 4 | 6; readonly value: bigint };

const BITS = { 4: 32, 6: 128 } as const;
/** `::ffff:0:0/96`: IPv4 in the clothes of IPv6 (RFC 4291, 2.5.5.2). */
const MAPPED = 0xffffn << 32n;

/** The address that a text spells, or undefined: then it may be a name. */
export function parseAddress(text: string): IpAddress | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (!bare.includes(':')) return bare === text ? parseIpv4(bare) : undefined;
  const value = parseIpv6(bare);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED >> 32n
    ? { family: 4, value: value & 0xffffffffn }
    : { family: 6, value };
}

/**
 * IPv4 as `inet_aton` reads it (POSIX): one to four parts, each decimal, octal with a leading 0 or
 * hexadecimal with 0x; the last part fills what is left. 127.1, 0x7f000001 and 017700000001 are
 * all the loopback.
 */
function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  const numbers = parts.map(parseNumber);
  let value = 0n;
  for (const [i, number] of numbers.entries()) {
    const isLast = i === numbers.length - 1;
    const room = isLast ? 1n << BigInt(8 * (4 - i)) : 256n;
    if (number === undefined || number >= room) return undefined;
    value |= isLast ? number : number << BigInt(8 * (3 - i));
  }
  return { family: 4, value };
}

function parseNumber(text: string): bigint | undefined {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return BigInt(text);
  if (/^0[0-7]{0,11}$/.test(text)) return BigInt(`0o${text}`);
  if (/^[1-9][0-9]{0,9}$/.test(text)) return BigInt(text);
  return undefined;
}

/** Plain dotted decimal, as it stands at the end of an IPv6 address. */
const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => groups(half, i === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  // `::` stands for one group of zeros at least.
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...new Array<bigint>(missing).fill(0n), ...(tail ?? [])];
  return all.reduce((value, group) => (value << 16n) | group, 0n);
}

function groups(half: string, isEnd: boolean): bigint[] | undefined {
  if (half === '') return [];
  const found: bigint[] = [];
  const parts = half.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = isEnd && i === parts.length - 1 ? DOTTED.exec(part) : null;
    if (dotted) {
      const bytes = dotted.slice(1).map(BigInt);
      if (bytes.some((byte) => byte > 255n)) return undefined;
      found.push((bytes[0]! << 8n) | bytes[1]!, (bytes[2]! << 8n) | bytes[3]!);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) found.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return found;
}

/** The one spelling that is handed to the operating system. */
export function formatAddress({ family, value }: IpAddress): string {
  const width = family === 4 ? 8 : 16;
  const count = BITS[family] / width;
  const parts = Array.from({ length: count }, (_, i) => {
    const part = (value >> BigInt(width * (count - 1 - i))) & ((1n << BigInt(width)) - 1n);
    return part.toString(family === 4 ? 10 : 16);
  });
  return parts.join(family === 4 ? '.' : ':');
}

export type Network = { readonly address: IpAddress; readonly prefix: number };

/** `10.0.0.0/8`, or a single address. */
export function parseNetwork(text: string): Network | undefined {
  const [bare = '', length, ...rest] = text.split('/');
  const address = parseAddress(bare);
  if (!address || rest.length > 0) return undefined;
  const bits = BITS[address.family];
  if (length === undefined) return { address, prefix: bits };
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!(prefix <= bits)) return undefined;
  const network = { address, prefix };
  // Bits behind the prefix are a slip, and nobody knows which half of it was meant.
  return (address.value & ((1n << BigInt(bits - prefix)) - 1n)) === 0n ? network : undefined;
}

export function isWithin(address: IpAddress, { address: start, prefix }: Network): boolean {
  if (address.family !== start.family) return false;
  const shift = BigInt(BITS[start.family] - prefix);
  return address.value >> shift === start.value >> shift;
}

/** Whether one network lies inside another, or is the same. */
export function isPartOf(inner: Network, outer: Network): boolean {
  return inner.prefix >= outer.prefix && isWithin(inner.address, outer);
}

const of = (text: string): Network => parseNetwork(text)!;
/** IPv6 that is in public use at all (IANA, "IPv6 Global Unicast Address Space"). */
const GLOBAL_IPV6 = of('2000::/3');
/**
 * What no tunnel reaches unless it is listed by address (IANA, special-purpose address registries,
 * RFC 6890), and the one metadata service of a cloud that lives among the public addresses.
 */
const SPECIAL: readonly Network[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carriers' private; a cloud's metadata at 100.100.100.200
  '127.0.0.0/8', // loopback
  '168.63.129.16', // a cloud's own services for its machines
  '169.254.0.0/16', // link-local; metadata at 169.254.169.254
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; a cloud's metadata at 192.0.0.192
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '2001::/23', // protocol assignments; Teredo, which carries IPv4 inside
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which carries IPv4 inside
  '3fff::/20', // documentation
  'fc00::/7', // unique local; a cloud's metadata at fd00:ec2::254
  'fe80::/10', // link-local
  'ff00::/8', // multicast
].map(of);

/** The special block that an address is in, if it is in one. */
export function specialBlock(address: IpAddress): Network | undefined {
  const block = SPECIAL.find((special) => isWithin(address, special));
  if (block || address.family === 4 || isWithin(address, GLOBAL_IPV6)) return block;
  // Loopback, translated IPv4 (64:ff9b::/96), what is not given out: to be listed one by one.
  return { address, prefix: BITS[6] };
}
