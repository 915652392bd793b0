/**
 * What a SOCKS5 client says before its bytes begin (RFC 1928; passwords: RFC 1929). Pure: bytes in,
 * the next step out. Only CONNECT is understood: there is nothing to bind here, and no datagrams.
 */
import { fromUtf8 } from '@palisade/core';

const VERSION = 5;
const METHOD = { none: 0, password: 2, nothing: 0xff } as const;
const CONNECT = 1;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
const PASSWORD_VERSION = 1;

/** RFC 1928, section 6. */
export const REPLY = {
  done: 0,
  failed: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  refused: 5,
  timedOut: 6,
  noSuchCommand: 7,
  noSuchAddress: 8,
} as const;
export type Reply = (typeof REPLY)[keyof typeof REPLY];

export type Step =
  /** Send this and go on. */
  | { readonly kind: 'say'; readonly answer: Uint8Array }
  | { readonly kind: 'connect'; readonly host: string; readonly port: number }
  /** Send this, if anything, and hang up. */
  | { readonly kind: 'end'; readonly answer: Uint8Array };

/** Whether a name and password are the ones that were agreed on; undefined: none are asked for. */
export type Check = ((user: string, password: string) => boolean) | undefined;

/** The largest message: a request for a name of 255 bytes; a password message has 513. */
const MAX_BYTES = 513;

/** Reads the words of one client. What comes after the request stays in `rest`. */
export class SocksGreeting {
  rest = new Uint8Array(0);
  readonly #check: Check;
  #state: 'methods' | 'password' | 'request' = 'methods';

  constructor(check: Check) {
    this.#check = check;
  }

  /** The next step, or undefined while bytes are missing. */
  take(bytes: Uint8Array): Step | undefined {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    this.rest = all;
    const step = this.#read();
    return step ?? (this.rest.length > MAX_BYTES ? end() : undefined);
  }

  #read(): Step | undefined {
    if (this.#state === 'methods') return this.#methods();
    return this.#state === 'password' ? this.#password() : this.#request();
  }

  #methods(): Step | undefined {
    const [version, count] = this.rest;
    if (version !== undefined && version !== VERSION) return end();
    if (count === undefined || this.rest.length < 2 + count) return undefined;
    const wanted = this.#check ? METHOD.password : METHOD.none;
    const isOffered = this.rest.subarray(2, 2 + count).includes(wanted);
    this.#cut(2 + count);
    if (!isOffered) return end(Uint8Array.of(VERSION, METHOD.nothing));
    this.#state = this.#check ? 'password' : 'request';
    return { kind: 'say', answer: Uint8Array.of(VERSION, wanted) };
  }

  #password(): Step | undefined {
    const [version, userLength] = this.rest;
    if (version !== undefined && version !== PASSWORD_VERSION) return end();
    if (userLength === undefined) return undefined;
    const passwordLength = this.rest[2 + userLength];
    if (passwordLength === undefined) return undefined;
    const length = 3 + userLength + passwordLength;
    if (this.rest.length < length) return undefined;
    const user = textOf(this.rest.subarray(2, 2 + userLength));
    const password = textOf(this.rest.subarray(3 + userLength, length));
    this.#cut(length);
    if (user === undefined || password === undefined || !this.#check!(user, password))
      return end(Uint8Array.of(PASSWORD_VERSION, 1));
    this.#state = 'request';
    return { kind: 'say', answer: Uint8Array.of(PASSWORD_VERSION, 0) };
  }

  #request(): Step | undefined {
    const [version, command, , type, first] = this.rest;
    if (version !== undefined && version !== VERSION) return end();
    if (command !== undefined && command !== CONNECT) return end(reply(REPLY.noSuchCommand));
    if (type === undefined || first === undefined) return undefined;
    const size = { [ADDRESS.ipv4]: 4, [ADDRESS.ipv6]: 16, [ADDRESS.name]: 1 + first }[type];
    if (size === undefined) return end(reply(REPLY.noSuchAddress));
    const length = 4 + size + 2;
    if (this.rest.length < length) return undefined;
    const address = this.rest.subarray(4, 4 + size);
    const port = (this.rest[length - 2]! << 8) | this.rest[length - 1]!;
    const host = hostOf(type, address);
    this.#cut(length);
    return host === undefined ? end(reply(REPLY.noSuchAddress)) : { kind: 'connect', host, port };
  }

  #cut(length: number): void {
    this.rest = this.rest.slice(length);
  }
}

function hostOf(type: number, address: Uint8Array): string | undefined {
  if (type === ADDRESS.ipv4) return address.join('.');
  if (type === ADDRESS.name) return textOf(address.subarray(1));
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  );
  return groups.join(':');
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = fromUtf8(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
    return text === '' || /[\u0000-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function end(answer: Uint8Array = new Uint8Array(0)): Step {
  return { kind: 'end', answer };
}

/** The answer to a request. Where the connection comes from is the partner's affair: all zeros. */
export function reply(code: Reply): Uint8Array {
  return Uint8Array.of(VERSION, code, 0, ADDRESS.ipv4, 0, 0, 0, 0, 0, 0);
}

const BY_CODE: Readonly<Record<string, Reply>> = {
  'access/not-allowed': REPLY.notAllowed,
  'access/no-such-host': REPLY.hostUnreachable,
  'access/unreachable': REPLY.hostUnreachable,
  'access/refused': REPLY.refused,
  'access/timeout': REPLY.timedOut,
};

/** What a SOCKS client is told of a partner's reason. */
export function replyFor(code: string): Reply {
  return BY_CODE[code] ?? REPLY.failed;
}
