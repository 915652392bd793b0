/** Addresses in all their disguises; the oracle is Node's own `BlockList` and C-like parsers. */
import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, isWithin, parseAddress, parseNetwork, specialBlock } from './addresses.ts';

const dotted = (n: number) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.');
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Every way that inet_aton reads for one number. */
function spellings(n: number): string[] {
  const bytes = [24, 16, 8, 0].map((shift) => (n >>> shift) & 255);
  const [a, b] = bytes as [number, number];
  const hex = (x: number) => `0x${x.toString(16)}`;
  const octal = (x: number) => `0${x.toString(8)}`;
  return [
    dotted(n),
    `${n}`,
    hex(n),
    octal(n),
    bytes.map(hex).join('.'),
    bytes.map(octal).join('.'),
    `${a}.${n & 0xffffff}`,
    `${a}.${b}.${n & 0xffff}`,
    `${hex(a)}.${octal(b)}.${n & 0xffff}`,
    `0X${n.toString(16).toUpperCase()}`,
    `::ffff:${dotted(n)}`,
    `[::ffff:${dotted(n)}]`,
    `::FFFF:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`,
    `0:0:0:0:0:ffff:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`,
  ];
}

describe('addresses', () => {
  it('[ACCESS] one IPv4 address in every spelling is that address', () => {
    fc.assert(
      fc.property(u32, (n) => {
        for (const text of spellings(n)) {
          const address = parseAddress(text);
          expect(address && formatAddress(address), text).toBe(dotted(n));
        }
      }),
    );
  });

  it('[ACCESS] IPv6 is read as Node reads it, and written so that Node reads it', () => {
    const same = (text: string) => {
      const list = new BlockList();
      list.addAddress(text, 'ipv6');
      return list.check(formatAddress(parseAddress(text)!), 'ipv6');
    };
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseAddress(text)!;
        expect(address, text).toBeDefined();
        if (address.family === 6) expect(same(text), text).toBe(true);
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123:afx.%[]'), maxLength: 24 }),
        (text) => {
          const isOurs = text.includes(':') && parseAddress(text) !== undefined;
          const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
          expect(isOurs, text).toBe(text.includes(':') && isIPv6(bare) && !bare.includes('%'));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('[ACCESS] what is no address is not taken for one', () => {
    for (const text of [
      '',
      '.',
      '1.2.3.4.5',
      '256.1.1.1',
      '1..2',
      '08',
      '0x',
      '1.2.3.',
      '4294967296',
    ])
      expect(parseAddress(text), text).toBeUndefined();
  });

  it('[ACCESS] networks hold what Node says that they hold', () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: 0, max: 32 }), u32, (start, prefix, n) => {
        const first = prefix === 0 ? 0 : (start >>> (32 - prefix)) << (32 - prefix);
        const oracle = new BlockList();
        oracle.addSubnet(dotted(first), prefix, 'ipv4');
        // A neighbour as often as a stranger.
        for (const probe of [n, (first + (n % 512)) >>> 0]) {
          const network = parseNetwork(`${dotted(first)}/${prefix}`)!;
          const isIn = isWithin(parseAddress(dotted(probe))!, network);
          expect(isIn).toBe(oracle.check(dotted(probe), 'ipv4'));
        }
      }),
    );
    expect(parseNetwork('10.0.0.1/8')).toBeUndefined();
    expect(parseNetwork('10.0.0.0/33')).toBeUndefined();
    expect(parseNetwork('10.0.0.0/8/8')).toBeUndefined();
  });

  it('[ACCESS] loopback, private, link-local, multicast and metadata addresses are special', () => {
    const special = [
      ...['0.0.0.0', '10.255.0.1', '100.64.0.1', '100.100.100.200', '127.255.255.254'],
      ...['168.63.129.16', '169.254.169.254', '172.31.255.255', '192.0.0.192', '192.168.0.1'],
      ...['198.19.255.255', '224.0.0.1', '255.255.255.255', '::', '::1', '::127.0.0.1'],
      ...['::ffff:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1', 'fe80::1', 'fc00::1'],
      ...['fd00:ec2::254', 'ff02::1', '2002:7f00:1::', '2001:0:1::1', '2001:db8::1', '100::1'],
    ];
    for (const text of special) expect(specialBlock(parseAddress(text)!), text).toBeDefined();
    for (const text of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '192.169.0.1', '2606:4700::1111'])
      expect(specialBlock(parseAddress(text)!), text).toBeUndefined();
  });
});
