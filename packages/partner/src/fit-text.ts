// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text that a message of so many UTF-8 bytes takes: without control characters, cut where it must be. */
export function fitText(text: string, maxBytes: number): string {
  const plain = text.replace(CONTROL, ' ');
  const bytes = Buffer.from(plain, 'utf8');
  if (bytes.length <= maxBytes) return plain;
  // A character that is cut in two decodes to the mark of a broken one.
  const cut = bytes
    .subarray(0, maxBytes - 3)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  return `${cut}...`;
}
