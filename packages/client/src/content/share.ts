/**
 * Share strings: `palisade-share:<job id, 64 hex digits>.<base64url of content key and checksum>`.
 * Whoever has one can find the job and open its file, and nothing else of the owner. The checksum
 * (first 4 bytes of SHA-256("palisade/share/1" || job id || content key)) catches slips in copying.
 */
import { concat, equalBytes, fromHex, toHex, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { formatError } from './errors.ts';
import { KEY_BYTES } from './keys.ts';

/** Leave to open one file. */
export type Share = {
  /** 32 bytes. */
  readonly jobId: Uint8Array;
  /** 32 bytes; secret. */
  readonly contentKey: Uint8Array;
};

const SHAPE = /^palisade-share:([0-9a-f]{64})\.([A-Za-z0-9_-]{48})$/;
const DOMAIN = utf8('palisade/share/1');
const CHECKSUM_BYTES = 4;

/** @throws PalisadeError `content/bad-share` unless both are 32 bytes */
export function formatShare({ jobId, contentKey }: Share): string {
  if (jobId.length !== KEY_BYTES || contentKey.length !== KEY_BYTES) {
    throw badShare('a job id and a content key have 32 bytes each');
  }
  const secret = concat(contentKey, checksum(jobId, contentKey));
  const base64 = btoa(String.fromCharCode(...secret));
  // 36 bytes are 48 characters without padding.
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_');
  return `palisade-share:${toHex(jobId).slice(2)}.${base64url}`;
}

/**
 * Reads a share string; blanks around it do no harm.
 * @throws PalisadeError `content/bad-share`; the message never repeats the string, which is secret
 */
export function parseShare(text: string): Share {
  const parts = SHAPE.exec(text.trim());
  if (!parts) throw badShare('it does not read palisade-share:<64 hex digits>.<48 characters>');
  const jobId = fromHex(parts[1]!);
  const base64 = parts[2]!.replaceAll('-', '+').replaceAll('_', '/');
  const secret = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const contentKey = secret.slice(0, KEY_BYTES);
  if (!equalBytes(secret.subarray(KEY_BYTES), checksum(jobId, contentKey))) {
    throw badShare('its checksum does not fit, so some character was changed');
  }
  return { jobId, contentKey };
}

function checksum(jobId: Uint8Array, contentKey: Uint8Array): Uint8Array {
  return sha256(concat(DOMAIN, jobId, contentKey)).subarray(0, CHECKSUM_BYTES);
}

function badShare(why: string) {
  return formatError('content/bad-share', `This is not a share string: ${why}.`, {
    next: 'Copy the whole string again, from "palisade-share:" to its last character.',
  });
}
