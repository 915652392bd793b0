/** Streams checked against an outline: what is read from a partner, and what is sent a second time. */
import {
  type ContentDescription,
  DescriptionBuilder,
  GROUP_BYTES,
  groupCount,
  type Outline,
  verifyGroup,
} from '@palisade/core';
import { ByteReader } from './byte-reader.ts';
import { formatError } from './errors.ts';

/**
 * Id and outline of a content, in one pass over it.
 * @throws PalisadeError `content/bad-size` beyond the largest content
 */
export async function describeStream(
  content: AsyncIterable<Uint8Array>,
): Promise<ContentDescription> {
  const builder = new DescriptionBuilder();
  for await (const chunk of content) builder.push(chunk);
  return builder.finish();
}

/**
 * The groups (1 MiB) of a content from `firstGroup` on, each in the parts in which it came, and
 * given out only after it matched the outline. `content` starts at that group. Memory: one group.
 * @throws PalisadeError `content/group-mismatch` naming the group that is wrong or missing
 *
 * @example
 * const outline = openOutline(contentId, size, await partner.outline(contentId));
 * for await (const parts of checkedGroups(outline, partner.read(contentId))) ...
 */
export async function* checkedGroups(
  outline: Outline,
  content: AsyncIterable<Uint8Array>,
  firstGroup = 0,
): AsyncGenerator<readonly Uint8Array[]> {
  const reader = new ByteReader(content);
  const groups = groupCount(outline.size);
  try {
    for (let index = firstGroup; index < groups; index++) {
      const parts = await reader.take(Math.min(GROUP_BYTES, outline.size - index * GROUP_BYTES));
      if (!verifyGroup(outline, index, ...parts)) throw mismatch(index, lengthOf(parts));
      yield parts;
    }
    if (!(await reader.atEnd())) throw mismatch(groups, 0);
  } finally {
    await reader.close();
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function mismatch(index: number, received: number) {
  return formatError(
    'content/group-mismatch',
    `Group ${index} of the content is not what the outline says (${received} bytes came).`,
    {
      next: 'Fetch it from another partner; when sending, the source has changed: start again.',
      data: { index, received },
      retry: 'now',
    },
  );
}
