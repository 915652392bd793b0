/** A module's bytes as its sections (Core Specification 2.0, section 5.5). */
import { BadModule, ByteReader } from './byte-reader.ts';

export const SECTION = {
  types: 1,
  imports: 2,
  functions: 3,
  tables: 4,
  memory: 5,
  globals: 6,
  exports: 7,
  elements: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

export type SectionId = (typeof SECTION)[keyof typeof SECTION];

/** Names and other notes, which are left out. */
const CUSTOM = 0;
/** Names a function that would run before the memory can be seen; `run` can call it just as well. */
const START = 8;

/** The order in which sections stand: by number, but the count of data segments before the code. */
export const SECTION_ORDER: readonly SectionId[] = [1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11];

/** "\0asm" and version 1. */
export const HEADER: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** The content of each section that is there. @throws BadModule */
export function readSections(bytes: Uint8Array): ReadonlyMap<SectionId, Uint8Array> {
  if (!HEADER.every((byte, i) => bytes[i] === byte))
    throw new BadModule('it does not begin as a WebAssembly module of version 1');
  const sections = new Map<SectionId, Uint8Array>();
  const reader = new ByteReader(bytes, HEADER.length);
  let place = -1;
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.part(reader.u32());
    if (id === CUSTOM) continue;
    if (id === START) throw new BadModule('it has a start function; call it in `run`');
    const next = SECTION_ORDER.indexOf(id as SectionId);
    if (next < 0) throw new BadModule(`it has a section of an unknown kind, ${id}`);
    if (next <= place) throw new BadModule('its sections are out of order');
    place = next;
    sections.set(id as SectionId, bytes.subarray(content.at, content.end));
  }
  return sections;
}
