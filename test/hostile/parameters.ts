/** Requests whose paths, queries or JSON are not what is wanted. */
import { toHex } from '@palisade/core';
import type { Rng } from './rng.ts';
import type { Sent, Target } from './target.ts';
import { ODD_TEXTS, randomJson } from './values.ts';

/** Characters that may stand in the target of a request; others are sent on a bare socket only. */
const PLAIN = /^[\x21-\x7e]*$/;

/** A text as part of a path or query: encoded, or as it is where HTTP allows it. */
function escaped(rng: Rng, text: string): string {
  if (PLAIN.test(text) && !/[?#&/]/.test(text) && rng.chance(0.5)) return text;
  return encodeURIComponent(text.toWellFormed());
}

export type ParameterCase = { readonly kind: string; readonly sent: Sent };

const get = (kind: string, path: string): ParameterCase => ({
  kind,
  sent: { method: 'GET', path },
});

export class ParameterMaker {
  private readonly rng: Rng;
  private readonly queries;

  constructor(rng: Rng, { node }: Target) {
    this.rng = rng;
    this.queries = node.application.modules
      .flatMap((module) => module.queries ?? [])
      .map(({ declaration }) => declaration);
  }

  private odd(): string {
    return escaped(this.rng, this.rng.pick(ODD_TEXTS));
  }

  /** Never empty and without a slash: else it would be the path of something else. */
  private oddSegment(): string {
    const text = this.rng.pick(ODD_TEXTS.filter((odd) => odd.trim() !== ''));
    return encodeURIComponent(text.toWellFormed()).replace(/^\.+$/, 'dots');
  }

  next(): ParameterCase {
    return this.rng.weighted<() => ParameterCase>([
      [30, () => this.query()],
      [8, () => get('proof', `/v1/proof/${this.oddSegment()}/${this.oddSegment()}`)],
      [8, () => get('block height', `/v1/blocks/${this.badHeight()}`)],
      [6, () => get('commit height', `/v1/commits/${this.badHeight()}`)],
      [6, () => get('transaction id', `/v1/transactions/${this.badId()}`)],
      [6, () => get('job id', `/v1/jobs/${this.badId()}/${this.rng.pick(['offers', 'history'])}`)],
      [
        3,
        () =>
          get('unknown job', `/v1/jobs/${toHex(this.rng.bytes(32))}/offers?limit=${this.odd()}`),
      ],
      [6, () => get('first event', `/v1/events?from=${this.badFrom()}&topics=${this.odd()}`)],
      [6, () => get('subscription', `/v1/notices?subscribe=${this.odd()}`)],
      [4, () => get('job file', `/v1/job-files/${this.badHeight()}`)],
      [4, () => get('payout file', `/v1/payout-files/${this.badHeight()}`)],
      [
        3,
        () =>
          get(
            'acknowledgement',
            `/v1/notices/acknowledgements/${this.badId()}/${this.oddSegment()}`,
          ),
      ],
      [10, () => this.path()],
      [11, () => this.faucet()],
    ])();
  }

  /** One parameter of a query is odd, missing, or one too many. */
  private query(): ParameterCase {
    const { rng } = this;
    if (rng.chance(0.15))
      return get('query name', `/v1/query/${this.oddSegment()}?x=${this.odd()}`);
    const { name, params } = rng.pick(this.queries);
    const fields = Object.entries(params.fields).map(([key, field]): [string, string] => [
      key,
      encodeURIComponent(`${randomJson(rng, field.jsonSchema)}`),
    ]);
    const at = rng.below(fields.length + 1);
    const field = fields[at];
    // A number among other odd texts may be right, so these are never numbers.
    if (!field) fields.push([this.oddField(), this.odd()]);
    else if (rng.chance(0.3)) fields.splice(at, 1);
    else field[1] = rng.pick(['', 'x', '-1', '0x0', '0xzz', '1.5', 'NaN', '%5B%5D', '%00']);
    return get(
      'query parameter',
      `/v1/query/${name}?${fields.map((pair) => pair.join('=')).join('&')}`,
    );
  }

  private oddField(): string {
    return this.rng.pick([
      '__proto__',
      'constructor',
      'toString',
      'x',
      '%00',
      'a'.repeat(300),
      '%ff',
    ]);
  }

  private badHeight(): string {
    const odd = [
      '-1',
      '1e3',
      '0x1',
      '1.5',
      'LATEST',
      '9'.repeat(18),
      '9'.repeat(19),
      '%00',
      'null',
    ];
    return this.rng.chance(0.5) ? this.rng.pick(odd) : `${1_000_000n + this.rng.bigint(50)}`;
  }

  private badFrom(): string {
    return this.rng.pick(['-1', 'x', '', '1e3', '0x1', '9'.repeat(19), '%00', 'null', '1.5']);
  }

  private badId(): string {
    const { rng } = this;
    return rng.pick([
      () => toHex(rng.bytes(rng.pick([0, 1, 20, 31, 33, 64]))) || '0x',
      () => `${toHex(rng.bytes(31))}0`,
      () => `${toHex(rng.bytes(31))}zz`,
      () => this.oddSegment(),
    ])();
  }

  private path(): ParameterCase {
    const { rng } = this;
    const path = rng.pick([
      () => `/${this.oddSegment()}`,
      () => `/v1/${this.oddSegment()}`,
      () => `/v1/query`,
      () => '/v1//transactions',
      () => `//${this.oddSegment()}`,
      () => `/v1/jobs/${this.oddSegment()}/${this.oddSegment()}`,
      () => `/${'a/'.repeat(rng.below(2000))}`,
      () => '/v1/transactions/../../etc/passwd',
      () => `/?${'a=b&'.repeat(rng.below(1000))}`,
    ])();
    const method = rng.pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']);
    return {
      kind: 'path',
      sent: { method, path, ...(method === 'GET' ? {} : { body: rng.bytes(rng.below(50)) }) },
    };
  }

  /** The one route that takes JSON. */
  private faucet(): ParameterCase {
    const { rng } = this;
    const depth = rng.between(1, 50_000);
    const body = rng.pick([
      () => '['.repeat(depth),
      () => `${'['.repeat(depth)}${']'.repeat(depth)}`,
      () => `${'{"address":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      () =>
        `{"address":${rng.pick(['1', 'null', '[]', '{}', '"0x"', '"0xzz"', '1e999', 'true', `"${'0x'.padEnd(44, 'a')}"`])}}`,
      () => `{"address":"${toHex(rng.bytes(rng.pick([0, 19, 21, 32])))}"}`,
      () => `{"__proto__":{"address":"${toHex(rng.bytes(20))}"}}`,
      () => JSON.stringify({ address: rng.pick(ODD_TEXTS) }),
      () => `{"address":"${toHex(rng.bytes(20))}"`,
      () => `{"Address":"${toHex(rng.bytes(20))}"}`,
      () => '\ufeff{}',
      () => '',
      () => `"${toHex(rng.bytes(20))}"`,
      () => `{${'"a":1,'.repeat(10_000)}"a":1}`,
    ])();
    return {
      kind: 'faucet JSON',
      sent: {
        method: 'POST',
        path: '/v1/faucet',
        body: Buffer.from(body),
        headers: { 'content-type': 'application/json' },
      },
    };
  }
}
