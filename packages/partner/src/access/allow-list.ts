/**
 * Where a tunnel may lead: what the operator listed, and nothing else. Rules read `host:port`:
 *
 *   example.org:443  *.example.org:80-90  *:443  198.51.100.7:22  10.1.0.0/16:*  [2001:db8::]/32:443
 *
 * A name is looked up only if a rule names it: looking up is a way to speak to the outside, too.
 */
import { PalisadeError, type Refusal, refuse } from '@palisade/core';
import { done, type Outcome, refused } from '../storage/outcome.ts';
import {
  formatAddress,
  type IpAddress,
  isPartOf,
  isWithin,
  type Network,
  parseAddress,
  parseNetwork,
  specialBlock,
} from './addresses.ts';

/** Addresses of one name that are looked at: more is a list to hide in. */
const MAX_ADDRESSES = 8;

type Target = { readonly network: Network } | { readonly name: string } | 'any';
type Rule = { readonly target: Target; readonly from: number; readonly to: number };

/** Looks a name up; all of its addresses as text, in the order of preference. */
export type Resolver = (name: string) => Promise<readonly string[]>;

export class AllowList {
  readonly #rules: readonly Rule[];

  /** @throws PalisadeError `partner/bad-rule` */
  constructor(rules: readonly string[]) {
    this.#rules = rules.map(parseRule);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /**
   * The addresses that may be connected to, the resolver's favourite first. The caller connects to
   * these very addresses: the name is never looked up a second time.
   * @param own addresses of this machine: services that only trust it are not for strangers
   */
  async judge(
    host: string,
    port: number,
    resolve: Resolver,
    own: readonly string[],
  ): Promise<Outcome<readonly string[]>> {
    const rules = this.#rules.filter(({ from, to }) => from <= port && port <= to);
    const literal = parseAddress(host);
    if (literal) return this.#admit([literal], rules, rules.some(isAny), own);
    const name = readName(host);
    if (name === undefined) return refused(badHost());
    if (!rules.some(({ target }) => names(target, name))) return refused(notAllowed());
    let found: readonly string[];
    try {
      found = await resolve(name);
    } catch {
      return refused(refuse('access/no-such-host', 'That name has no address.'));
    }
    const addresses = found.slice(0, MAX_ADDRESSES).flatMap((text) => parseAddress(text) ?? []);
    return this.#admit(addresses, rules, true, own);
  }

  #admit(
    addresses: readonly IpAddress[],
    rules: readonly Rule[],
    isNamed: boolean,
    own: readonly string[],
  ): Outcome<readonly string[]> {
    const owned = own.flatMap((text) => parseAddress(text) ?? []);
    const isAllowed = (address: IpAddress) => {
      const block = specialBlock(address) ?? blockOf(address, owned);
      const isListed = rules.some(
        ({ target }) =>
          typeof target === 'object' &&
          'network' in target &&
          isWithin(address, target.network) &&
          // 0.0.0.0/0 is no word about 127.0.0.1: an exception is as narrow as what it excepts.
          (!block || isPartOf(target.network, block)),
      );
      return isListed || (isNamed && !block);
    };
    const allowed = addresses.filter(isAllowed).map(formatAddress);
    return allowed.length > 0 ? done(allowed) : refused(notAllowed());
  }
}

function blockOf(address: IpAddress, owned: readonly IpAddress[]): Network | undefined {
  const isOwn = owned.some(
    ({ family, value }) => family === address.family && value === address.value,
  );
  return isOwn ? { address, prefix: address.family === 4 ? 32 : 128 } : undefined;
}

function isAny({ target }: Rule): boolean {
  return target === 'any';
}

function names(target: Target, name: string): boolean {
  if (target === 'any') return true;
  if (!('name' in target)) return false;
  return target.name.startsWith('*.')
    ? name.endsWith(target.name.slice(1)) && name.length >= target.name.length
    : name === target.name;
}

/** RFC 1035, 2.3.1, with the underscore that the world uses; others arrive in their xn-- form. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;

/** A host name in its one form; undefined if it is none. */
function readName(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  if (name.length > MAX_NAME || !labels.every((label) => LABEL.test(label))) return undefined;
  // What ends in a number is an address to some and a name to others (URL standard, "ends in a
  // number"): what we cannot read as an address is nothing.
  return /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!) ? undefined : name;
}

const PORTS = /^(\*|\d{1,5})(?:-(\d{1,5}))?$/;

function parseRule(text: string): Rule {
  const colon = text.lastIndexOf(':');
  const ports = PORTS.exec(text.slice(colon + 1));
  const target = colon > 0 ? parseTarget(text.slice(0, colon)) : undefined;
  if (!ports || !target) throw badRule(text);
  const isAll = ports[1] === '*';
  if (isAll && ports[2] !== undefined) throw badRule(text);
  const from = isAll ? 1 : Number(ports[1]);
  const to = isAll ? 65_535 : Number(ports[2] ?? ports[1]);
  if (from < 1 || to > 65_535 || from > to) throw badRule(text);
  return { target, from, to };
}

function parseTarget(text: string): Target | undefined {
  if (text === '*') return 'any';
  // IPv6 stands in brackets, or its last group would be a port: [2001:db8::]/32.
  if (text.includes(':') && !/^\[[^\]]*\](\/\d+)?$/.test(text)) return undefined;
  const network = parseNetwork(text);
  if (network) return { network };
  const name = readName(text.startsWith('*.') ? text.slice(2) : text);
  if (name === undefined) return undefined;
  return { name: text.startsWith('*.') ? `*.${name}` : name };
}

function badRule(text: string): PalisadeError {
  return new PalisadeError({
    code: 'partner/bad-rule',
    message: `'${text.slice(0, 80)}' is no rule of where a tunnel may lead.`,
    next: 'Write host:port, as in example.org:443, *.example.org:80-90, 10.1.0.0/16:* or *:443.',
  });
}

function notAllowed(): Refusal {
  return refuse('access/not-allowed', "The partner's list does not lead there.", {
    next: 'Ask for another place, or another partner.',
  });
}

function badHost(): Refusal {
  return refuse('access/not-allowed', 'That is neither an address nor a host name.');
}
