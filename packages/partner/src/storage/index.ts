/** Where a partner keeps the contents of its jobs (spec/content.md, "The partner's store"). */
export type { UploadRequest } from './beginUpload.ts';
export type { DiskHook, DiskStep } from './disk.ts';
export type { Outcome } from './outcome.ts';
export type { StorageState } from './space.ts';
export type { ContentStoreOptions, UploadProgress } from './state.ts';
export { type ContentInfo, ContentStore, type StorageUsage } from './store.ts';
