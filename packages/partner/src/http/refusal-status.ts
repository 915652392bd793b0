/** Which HTTP status goes with a refusal. */
import type { Refusal } from '@palisade/core';

const STATUS: Readonly<Record<string, number>> = {
  'api/not-found': 404,
  'api/method-not-allowed': 405,
  'api/too-large': 413,
  'api/too-slow': 408,
  'api/failed': 500,
  'market/no-such-job': 404,
  'market/not-the-client': 403,
  'partner/no-agreement': 404,
  'partner/no-run': 404,
  'partner/not-signed-for': 409,
  'partner/not-started': 409,
  'partner/upload-busy': 409,
  'partner/voucher-conflict': 409,
  'market/voucher-not-newer': 409,
  'market/job-full': 409,
  'market/job-over': 410,
  'market/agreement-over': 410,
  'partner/busy': 503,
  'partner/no-room': 503,
  'partner/stopping': 503,
  'partner/not-connected': 503,
  'storage/content-missing': 404,
  'storage/content-damaged': 503,
  'storage/upload-unknown': 404,
  'storage/wrong-offset': 409,
  'storage/too-long': 413,
  'storage/bad-range': 416,
  'storage/too-many-uploads': 503,
  'storage/quota-exceeded': 503,
  'storage/disk-full': 503,
};

/** 422 for what is well-formed and still not acceptable; 400 for what is not even well-formed. */
export function statusOf({ code }: Pick<Refusal, 'code'>): number {
  return STATUS[code] ?? (code.startsWith('envelope/') || code.startsWith('api/') ? 400 : 422);
}
