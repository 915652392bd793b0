/** Answers of the store, and the refusals it gives. Codes are listed in spec/content.md. */
import { type ErrorData, type Refusal, refuse, toHex } from '@palisade/core';

/** What was asked for, or why not. Failing I/O and bugs are thrown instead. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}

export function contentMissing(contentId: Uint8Array): Refusal {
  return refuse('storage/content-missing', 'This partner does not hold that content.', {
    data: { contentId: toHex(contentId) },
    next: 'Fetch it from another partner of the job.',
  });
}

export function uploadUnknown(contentId: Uint8Array): Refusal {
  return refuse(
    'storage/upload-unknown',
    'No upload of that content is open: none was begun, or it expired.',
    {
      data: { contentId: toHex(contentId) },
      next: 'Begin the upload.',
      retry: 'now',
    },
  );
}

export function wrongOffset(offset: number, received: number): Refusal {
  return refuse(
    'storage/wrong-offset',
    `The upload goes on at byte ${received}, or at an earlier group boundary, not at ${offset}.`,
    { data: { offset, received }, next: `Send from byte ${received}.`, retry: 'now' },
  );
}

export function groupMismatch(groupIndex: number, received: number): Refusal {
  return refuse(
    'storage/group-mismatch',
    `Group ${groupIndex} is not what the outline says: the source changed, or bytes were lost on the way.`,
    { data: { groupIndex, received }, next: 'Send the group again.', retry: 'now' },
  );
}

export function tooLong(size: number): Refusal {
  return refuse('storage/too-long', `More bytes came than the ${size} of the content.`, {
    data: { size },
  });
}

export function uploadIncomplete(received: number, size: number): Refusal {
  return refuse('storage/upload-incomplete', `Only ${received} of ${size} bytes are here.`, {
    data: { received, size },
    next: `Send the rest from byte ${received}.`,
    retry: 'now',
  });
}

export function badOutline(): Refusal {
  return refuse('storage/bad-outline', 'Size and outline do not belong to this content id.', {
    next: 'Compute id, size and outline from one pass over the same bytes.',
  });
}

export function tooManyUploads(limit: number): Refusal {
  return refuse('storage/too-many-uploads', `${limit} uploads are open here, which is the limit.`, {
    data: { limit },
    next: 'Try again in a minute, or ask another partner.',
    retry: 'later',
  });
}

export function quotaExceeded(needed: number, left: number): Refusal {
  return refuse(
    'storage/quota-exceeded',
    `The content needs ${needed} bytes and ${left} of what the partner offers are left.`,
    { data: { needed, left }, next: 'Ask another partner.', retry: 'later' },
  );
}

export function diskFull(message: string, data: ErrorData = {}): Refusal {
  return refuse('storage/disk-full', message, {
    data,
    next: 'Try again later, or ask another partner. What is stored stays.',
    retry: 'later',
  });
}

export function badRange(from: number, to: number, size: number): Refusal {
  return refuse(
    'storage/bad-range',
    `There are no bytes ${from} to ${to} in a content of ${size}.`,
    {
      data: { from, to, size },
    },
  );
}

export function badLeaf(message: string): Refusal {
  return refuse('storage/bad-leaf', message);
}

/** A leaf that cannot be proven: what was asked for, and what the disk had in its place. */
export function leafDamaged(leafIndex: number, groupIndex: number, found: string): Refusal {
  return refuse(
    'storage/leaf-damaged',
    `Leaf ${leafIndex} cannot be proven: in group ${groupIndex}, ${found}.`,
    {
      data: { leafIndex, groupIndex, found },
      next: 'Fetch the content from another partner and store it again under the same id.',
    },
  );
}

export function contentDamaged(contentId: Uint8Array, found: string): Refusal {
  return refuse('storage/content-damaged', `The stored content is damaged: ${found}.`, {
    data: { contentId: toHex(contentId), found },
    next: 'Fetch the content from another partner and store it again under the same id.',
  });
}
