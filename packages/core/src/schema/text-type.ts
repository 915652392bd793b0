import { ByteListType, type ByteViews } from '@chainsafe/ssz';
import { fromUtf8, utf8 } from '../bytes.ts';

/** C0 and C1 control characters: they could rewrite the line of a terminal that shows the text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

type Overridden = 'value_serializedSize' | 'value_serializeToBytes' | 'value_deserializeFromBytes';
/** The library's byte list, but with a string as its value. */
const Base = ByteListType as unknown as new (
  limit: number,
) => Omit<ByteListType, Overridden> & {
  value_serializedSize(value: string): number;
  value_serializeToBytes(output: ByteViews, offset: number, value: string): number;
  value_deserializeFromBytes(data: ByteViews, start: number, end: number): string;
};

/** UTF-8 text as an SSZ byte list whose value is a string. */
export class TextType extends Base {
  private readonly limit: number;

  constructor(limit: number) {
    super(limit);
    this.limit = limit;
  }

  static fits(value: string, limit: number): boolean {
    return value.length <= limit && !CONTROL.test(value) && utf8(value).length <= limit;
  }

  override value_serializedSize(value: string): number {
    return utf8(value).length;
  }

  override value_serializeToBytes(output: ByteViews, offset: number, value: string): number {
    if (!TextType.fits(value, this.limit)) throw new Error(`text does not fit ${this.limit} bytes`);
    const bytes = utf8(value);
    output.uint8Array.set(bytes, offset);
    return offset + bytes.length;
  }

  override value_deserializeFromBytes(data: ByteViews, start: number, end: number): string {
    if (end - start > this.limit) throw new Error(`text is longer than ${this.limit} bytes`);
    const value = fromUtf8(data.uint8Array.subarray(start, end));
    if (CONTROL.test(value)) throw new Error('text has control characters');
    return value;
  }
}
