/** What can be wrong with stored files, as data. */
import { type ErrorData, PalisadeError, type Retry } from '@palisade/core';

/** Codes thrown by content/: each says one thing that a caller may want to tell apart. */
export type FormatErrorCode =
  /** the bytes do not begin like a stored file, or contradict the format */
  | 'content/not-a-file'
  | 'content/unknown-version'
  /** a sealed file was opened without a key */
  | 'content/key-needed'
  /** the key is not the one that this file was sealed with */
  | 'content/wrong-key'
  /** a segment was changed, cut off, moved or repeated */
  | 'content/damaged'
  /** a group of the content does not match the outline */
  | 'content/group-mismatch'
  /** more or fewer bytes than the manifest says */
  | 'content/size-mismatch'
  | 'content/bad-manifest'
  | 'content/bad-key'
  | 'content/bad-share'
  | 'content/too-large'
  /** the page is not in a secure context, so the browser offers no WebCrypto */
  | 'content/no-webcrypto';

export type FormatError = { readonly code: FormatErrorCode };

export function formatError(
  code: FormatErrorCode,
  message: string,
  more: { next?: string; data?: ErrorData; retry?: Retry; cause?: unknown } = {},
): PalisadeError & FormatError {
  return new PalisadeError({ code, message, ...more }) as PalisadeError & FormatError;
}
