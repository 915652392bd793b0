/** The body of a stored file as a row of segments, opened one after another or from any one on. */
import { ByteReader } from './byte-reader.ts';
import { formatError } from './errors.ts';
import { MANIFEST_BLOCK_BYTES, PREFIX_BYTES, SEALED_HEADER_BYTES, TAG_BYTES } from './format.ts';
import { subtle } from './keys.ts';
import { segmentNonce } from './nonce.ts';

/** The stored content from this offset on. */
export type ReadFrom = (offset: number) => AsyncIterable<Uint8Array>;

/** A row of segments; every one but the last has `segmentBytes` bytes. */
export type Segments = {
  readonly segmentBytes: number;
  /** The next segment. @throws PalisadeError `content/damaged` */
  next(): Promise<Uint8Array>;
  /** Lets go of the present stream and reads segment `index` from a new one. */
  seek(index: number): Promise<Uint8Array>;
  /** Whether the segment given last was the last of all. */
  atEnd(): boolean;
  close(): Promise<void>;
};

/** Piece by which a plain file is read; its size has no meaning in the format. */
const PLAIN_PIECE_BYTES = 256 * 1024;

/** Segments of a sealed file: opened with the file's key, number and last flag. */
export function sealedSegments(
  reader: ByteReader,
  readFrom: ReadFrom,
  key: CryptoKey,
  segmentBytes: number,
): Segments {
  const layout = { at: SEALED_HEADER_BYTES, segmentBytes, overhead: TAG_BYTES };
  return segmentRow(reader, readFrom, layout, async (bytes, index, isLast) => {
    const how = { name: 'AES-GCM', iv: segmentNonce(index, isLast) };
    try {
      return new Uint8Array(await subtle().decrypt(how, key, bytes));
    } catch (cause) {
      throw damaged(index, cause);
    }
  });
}

/** Segments of a plain file: just its bytes. */
export function plainSegments(reader: ByteReader, readFrom: ReadFrom): Segments {
  const layout = { at: PREFIX_BYTES, segmentBytes: PLAIN_PIECE_BYTES, overhead: 0 };
  return segmentRow(reader, readFrom, layout, async (bytes) => bytes.slice());
}

type Layout = {
  /** Where the body begins in the content. */
  readonly at: number;
  readonly segmentBytes: number;
  /** Bytes that a segment has on top of what it opens to. */
  readonly overhead: number;
};

/** Opens what is stored of a segment, in a buffer that the next segment takes, into bytes of its own. */
type OpenSegment = (
  bytes: Uint8Array<ArrayBuffer>,
  index: number,
  isLast: boolean,
) => Promise<Uint8Array>;

function segmentRow(
  firstReader: ByteReader,
  readFrom: ReadFrom,
  layout: Layout,
  openSegment: OpenSegment,
): Segments {
  const storedBytes = layout.segmentBytes + layout.overhead;
  const buffer = new Uint8Array(storedBytes);
  let reader = firstReader;
  let index = 0;
  let ended = false;

  async function next(): Promise<Uint8Array> {
    const bytes = await reader.fill(buffer);
    ended = await reader.atEnd();
    const segment = await openSegment(bytes, index, ended);
    // No writer ends with an empty segment, and none has less than the manifest in the first one.
    const least = index === 0 ? MANIFEST_BLOCK_BYTES : 1;
    if (segment.length < least) throw damaged(index);
    index++;
    return segment;
  }

  return {
    segmentBytes: layout.segmentBytes,
    next,
    atEnd: () => ended,
    close: () => reader.close(),
    async seek(to) {
      await reader.close();
      reader = new ByteReader(readFrom(layout.at + to * storedBytes));
      index = to;
      return next();
    },
  };
}

function damaged(index: number, cause?: unknown) {
  return formatError(
    'content/damaged',
    `Segment ${index} of this file does not open: it was changed, cut off, moved or repeated.`,
    { next: 'Fetch the content again, from another partner if need be.', data: { index }, cause },
  );
}
