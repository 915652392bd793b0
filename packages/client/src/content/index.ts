/**
 * Files as clients store them: sealed by default, opened with the account key or a share string,
 * checked group by group while they travel (spec/content.md).
 */
export { checkedGroups, describeStream } from './checked-groups.ts';
export type { FormatErrorCode } from './errors.ts';
export { plainFileSize, sealedSize } from './format.ts';
export type { FileKey } from './keys.ts';
export type { Manifest } from './manifest.ts';
export { type OpenedFile, open, openFrom } from './open.ts';
export { prepareSealing, type Sealing, seal, writePlain } from './seal.ts';
export type { ReadFrom } from './segments.ts';
export { formatShare, parseShare, type Share } from './share.ts';
