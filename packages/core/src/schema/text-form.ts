import { fromUtf8, utf8 } from '../bytes.ts';
import type { Form } from './form-type.ts';

/** C0 and C1 control characters: they could rewrite the line of a terminal that shows the text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether text is of at most so many bytes, and free of control characters. */
export function textFits(value: string, limit: number): boolean {
  return value.length <= limit && !CONTROL.test(value) && utf8(value).length <= limit;
}

/** UTF-8 text of up to `limit` bytes. */
export function textForm(limit: number): Form<string> {
  return {
    size: (value) => utf8(value).length,
    write(value, into, at) {
      if (!textFits(value, limit)) throw new Error(`text does not fit ${limit} bytes`);
      const bytes = utf8(value);
      into.uint8Array.set(bytes, at);
      return at + bytes.length;
    },
    read(bytes) {
      const value = fromUtf8(bytes);
      if (CONTROL.test(value)) throw new Error('text has control characters');
      return value;
    },
  };
}
