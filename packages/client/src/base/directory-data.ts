/** The directory's forms outside of memory: URLs, the cache file, the lists in answers. */
import { bytes32, PalisadeError, toHex } from '@palisade/core';
import { MAX_DIRECTORY, MAX_URL } from '@palisade/market/schema';
import { clientError } from './errors.ts';
import { count, listOf, object, oneOf, optional, plainText, type Reader, whole } from './shapes.ts';

export const SEATS = ['active', 'passive', 'excluded', 'unknown'] as const;
export type Seat = (typeof SEATS)[number];

/** Chars of an alias that are kept. */
export const MAX_ALIAS = 64;

/** A directory as plain data, for a cache file. */
export type DirectoryData = {
  readonly validators: readonly {
    readonly nodeKey: string;
    readonly url: string;
    readonly alias: string;
    readonly seat: Seat;
    readonly weight: string;
    readonly latencyMs: number;
    readonly answered: number;
    readonly asked: number;
  }[];
};

/** A base URL in its one form. @throws PalisadeError `client/bad-url` */
export function baseUrl(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    url = undefined;
  }
  const usable = url && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  if (url && usable && text.length <= MAX_URL && !url.search && !url.hash)
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  throw clientError(
    'client/bad-url',
    `'${text.slice(0, 80)}' is no base URL: it takes http:// or https://, a host, and nothing after the path.`,
    { next: 'Give something like http://127.0.0.1:7001.' },
  );
}

const keyText: Reader<string> = {
  fromJson: (json, path) => toHex(bytes32.fromJson(json, path)),
};
const ratio: Reader<number> = {
  fromJson: (json, path) =>
    typeof json === 'number' && json >= 0 ? json : count.fromJson(json, path),
};
const directoryData: Reader<DirectoryData> = object({
  validators: listOf(
    object({
      nodeKey: keyText,
      url: plainText(MAX_URL),
      alias: plainText(MAX_ALIAS),
      seat: oneOf(SEATS),
      weight: { fromJson: (json, path) => whole.fromJson(json, path).toString() } as Reader<string>,
      latencyMs: ratio,
      answered: ratio,
      asked: ratio,
    }),
    MAX_DIRECTORY,
  ),
});

/** Reads the JSON of a cache file. @throws PalisadeError `client/bad-directory` */
export function parseDirectory(json: unknown): DirectoryData {
  try {
    const data = directoryData.fromJson(json, '');
    for (const { url } of data.validators) baseUrl(url);
    return data;
  } catch (cause) {
    const why = cause instanceof PalisadeError ? cause.message : 'it is unreadable';
    throw clientError('client/bad-directory', `The list of validators cannot be used: ${why}`, {
      next: 'Delete the cache file; it is made again.',
      cause,
    });
  }
}

/** A list of endpoints as statuses carry it. */
export const endpointList = listOf(
  object({
    nodeKey: bytes32,
    url: plainText(MAX_URL),
    name: plainText(MAX_ALIAS),
    seat: oneOf(SEATS),
    weight: optional(whole),
  }),
  MAX_DIRECTORY,
);
