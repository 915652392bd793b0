/** Where tunnels lead, and where they do not, whatever the name servers say. */
import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.ts';

/** Answers for every name that was asked, and remembers the names. */
function resolver(addresses: readonly string[]) {
  const asked: string[] = [];
  return {
    asked,
    resolve: async (name: string) => {
      asked.push(name);
      if (addresses.length === 0) throw new Error('ENOTFOUND');
      return addresses;
    },
  };
}

async function judge(
  rules: readonly string[],
  host: string,
  port: number,
  addresses: readonly string[] = ['93.184.215.14'],
  own: readonly string[] = [],
) {
  const { resolve } = resolver(addresses);
  const judged = await new AllowList(rules).judge(host, port, resolve, own);
  return judged.ok ? judged.value : judged.refusal.code;
}

const NO = 'access/not-allowed';

describe('the allow-list', () => {
  it('[ACCESS] leads nowhere while it is empty', async () => {
    expect(await judge([], 'example.org', 443)).toBe(NO);
    expect(await judge([], '93.184.215.14', 443)).toBe(NO);
    expect(new AllowList([]).isEmpty).toBe(true);
  });

  it('[ACCESS] leads to names and ports that it names, and not past them', async () => {
    const rules = ['example.org:443', '*.example.net:80-90', '198.18.0.0/15:*'];
    expect(await judge(rules, 'example.org', 443)).toEqual(['93.184.215.14']);
    expect(await judge(rules, 'EXAMPLE.org.', 443)).toEqual(['93.184.215.14']);
    expect(await judge(rules, 'a.b.example.net', 90)).toEqual(['93.184.215.14']);
    for (const [host, port] of [
      ['example.org', 80],
      ['www.example.org', 443],
      ['example.net', 80],
      ['badexample.net', 80],
      ['example.org.evil.example', 443],
      ['a.example.net', 91],
      ['93.184.215.14', 443],
    ] as const)
      expect(await judge(rules, host, port), `${host}:${port}`).toBe(NO);
  });

  it('[ACCESS] a name that is not listed is not even looked up', async () => {
    const { asked, resolve } = resolver(['198.18.0.1']);
    const list = new AllowList(['198.18.0.0/15:*', 'example.org:443']);
    await list.judge('secrets.encoded.in.a.name.example', 443, resolve, []);
    await list.judge('example.org', 80, resolve, []);
    expect(asked).toEqual([]);
    await list.judge('example.org', 443, resolve, []);
    expect(asked).toEqual(['example.org']);
  });

  it('[ACCESS] a listed name that points inside leads nowhere, in any spelling of inside', async () => {
    for (const address of [
      ...['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '::1'],
      ...['::ffff:127.0.0.1', '::ffff:7f00:1', 'fe80::1', 'fd00:ec2::254', '64:ff9b::7f00:1'],
      'nonsense',
    ])
      expect(await judge(['*:*', 'example.org:443'], 'example.org', 443, [address]), address).toBe(
        NO,
      );
  });

  it('[ACCESS] of several addresses of a name, only the allowed ones are connected to', async () => {
    const addresses = ['127.0.0.1', '93.184.215.14', '::1', '2606:2800::1'];
    const found = await judge(['example.org:443'], 'example.org', 443, addresses);
    expect(found).toEqual(['93.184.215.14', '2606:2800:0:0:0:0:0:1']);
  });

  it('[ACCESS] no spelling of a forbidden address gets through a list of everything', async () => {
    for (const host of [
      ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '017700000001', '0177.0.0.1'],
      ...['0', '0.0.0.0', '::', '::1', '[::1]', '::ffff:127.0.0.1', '[::ffff:7f00:1]'],
      ...['0:0:0:0:0:ffff:169.254.169.254', '169.254.43518', '0xA9FEA9FE', '10.1', '192.168.257'],
      ...[
        '127.0.0.1.',
        '0x7f.0x0.0x0.0x1',
        '1.2.3.4.5',
        '0x',
        '08.1',
        'fe80::1%eth0',
        '127。0。0。1',
      ],
      ...[
        '１２７.0.0.1',
        'a b',
        'a/b',
        'host:22',
        '',
        '.',
        '..',
        '-a',
        'a..b',
        `${'a'.repeat(64)}.org`,
      ],
      ...[' 127.0.0.1', '127.0.0.1\u0000.example.org', '%31%32%37.0.0.1', '2002:7f00:1::'],
    ]) {
      const { asked, resolve } = resolver(['93.184.215.14']);
      const judged = await new AllowList(['*:*', '0.0.0.0/0:*', '[::]/0:*']).judge(
        host,
        80,
        resolve,
        [],
      );
      expect(judged.ok, host).toBe(false);
      expect(asked, host).toEqual([]);
    }
    for (const host of ['localhost', 'metadata.google.internal'])
      expect(await judge(['*:*'], host, 80, ['169.254.169.254', '127.0.0.1']), host).toBe(NO);
    expect(await judge(['*:443'], '93.184.215.14', 443)).toEqual(['93.184.215.14']);
    expect(await judge(['0.0.0.0/0:443'], '93.184.215.14', 443)).toEqual(['93.184.215.14']);
  });

  it('[ACCESS] a private address is reached where it is listed by address, and nowhere beside it', async () => {
    const rules = ['127.0.0.1:8080', '10.1.0.0/16:22', '[fd00::7]:80', 'intern.example:80'];
    expect(await judge(rules, '127.0.0.1', 8080)).toEqual(['127.0.0.1']);
    expect(await judge(rules, '0x7f000001', 8080)).toEqual(['127.0.0.1']);
    expect(await judge(rules, '10.1.2.3', 22)).toEqual(['10.1.2.3']);
    expect(await judge(rules, 'fd00::7', 80)).toEqual(['fd00:0:0:0:0:0:0:7']);
    for (const [host, port] of [
      ['127.0.0.2', 8080],
      ['127.0.0.1', 8081],
      ['10.2.0.1', 22],
      ['fd00::8', 80],
    ] as const)
      expect(await judge(rules, host, port), `${host}:${port}`).toBe(NO);
    expect(await judge(rules, 'intern.example', 80, ['10.1.2.3'])).toBe(NO);
    expect(await judge([...rules, '10.1.2.3:80'], 'intern.example', 80, ['10.1.2.3'])).toEqual([
      '10.1.2.3',
    ]);
  });

  it("[ACCESS] this machine's own public addresses are not for strangers either", async () => {
    const own = ['93.184.215.14', '2606:2800::1'];
    expect(await judge(['*:443'], '93.184.215.14', 443, [], own)).toBe(NO);
    expect(await judge(['*:443'], 'me.example', 443, own, own)).toBe(NO);
    expect(await judge(['93.0.0.0/8:443'], '93.184.215.14', 443, [], own)).toBe(NO);
    expect(await judge(['93.184.215.14:443'], '93.184.215.14', 443, [], own)).toEqual([
      '93.184.215.14',
    ]);
  });

  it('[ACCESS] a name without an address is said to be one', async () => {
    expect(await judge(['*:443'], 'nowhere.example', 443, [])).toBe('access/no-such-host');
  });

  it('[ACCESS] a rule that cannot be read stops the partner, rather than to lead anywhere', () => {
    for (const rule of [
      ...['', 'example.org', ':443', 'example.org:0', 'example.org:65536', 'example.org:90-80'],
      ...['*.*:443', 'a*.org:443', '2001:db8::1:443', '10.0.0.1/8:22', '127.1.1.1.1:80', 'x:*-9'],
    ])
      expect(() => new AllowList([rule]), rule).toThrow(/no rule/);
  });
});
