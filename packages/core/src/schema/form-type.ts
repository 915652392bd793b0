/** Byte lists of SSZ whose value is not the bytes: text, and what is read and changed in a form of its own. */
import { ByteListType, type ByteViews } from '@chainsafe/ssz';

/** How values become bytes, and come from them. */
export type Form<T> = {
  /** How many bytes a value becomes. */
  size(value: T): number;
  /**
   * Writes these bytes from `at` on, and answers where they end.
   * @throws Error when the value does not fit: a bug of the caller
   */
  write(value: T, into: ByteViews, at: number): number;
  /** The bytes are lent: what is kept of them is copied. @throws Error for bytes of no value */
  read(bytes: Uint8Array): T;
};

type Overridden = 'value_serializedSize' | 'value_serializeToBytes' | 'value_deserializeFromBytes';
/** The library's byte list, but with any value. */
const Base = ByteListType as unknown as new (
  limit: number,
) => Omit<ByteListType, Overridden> & {
  value_serializedSize(value: unknown): number;
  value_serializeToBytes(output: ByteViews, offset: number, value: unknown): number;
  value_deserializeFromBytes(data: ByteViews, start: number, end: number): unknown;
};

export class FormType<T> extends Base {
  private readonly limit: number;
  private readonly form: Form<T>;

  constructor(limit: number, form: Form<T>) {
    super(limit);
    this.limit = limit;
    this.form = form;
  }

  override value_serializedSize(value: T): number {
    return this.form.size(value);
  }

  override value_serializeToBytes(output: ByteViews, offset: number, value: T): number {
    return this.form.write(value, output, offset);
  }

  override value_deserializeFromBytes(data: ByteViews, start: number, end: number): T {
    if (end - start > this.limit) throw new Error(`a byte list is longer than ${this.limit} bytes`);
    return this.form.read(data.uint8Array.subarray(start, end));
  }
}
