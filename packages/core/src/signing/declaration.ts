/**
 * What people and machines sign is declared once: commands, which become transactions and pay a
 * fee, and messages, which parties exchange and keep as evidence (vouchers, confirmations, offers).
 */
import { type RecordSchema, record, type Values } from '../schema/composite.ts';
import { type Schema, u64, u128 } from '../schema/schema.ts';

/** `account`: secp256k1, a person; `node`: ed25519, a machine. */
export type SignerKind = 'account' | 'node';

export type Declaration<T = unknown> = {
  readonly kind: 'command' | 'message';
  /** `module.verb`, as in `market.request`. */
  readonly name: string;
  readonly title: string;
  readonly doc: string;
  readonly signer: SignerKind;
  /** Commands of one lane share a sequence of nonces; the default is the sender's own. */
  readonly lane: string;
  readonly schema: RecordSchema<T>;
};

/** Every command carries these: its place in the sender's order, and the most it may cost. */
const COMMAND_FIELDS = {
  nonce: u64.is("Place in the sender's order: the first is 0, the next one more"),
  maxFee: u128.is('Most that the sender pays for the transaction, in base units'),
};

type Spec<F> = {
  readonly name: string;
  readonly title: string;
  readonly doc: string;
  readonly signer: SignerKind;
  readonly lane?: string;
  readonly fields: F;
};

/** Where most commands count their nonces. */
export const MAIN_LANE = 'main';
type AnyFields = Record<string, Schema<unknown>>;

/** `market.request` is called `MarketRequest` in a wallet. */
function structName(name: string): string {
  return name.replace(/(^|[.-])([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}

export function command<F extends AnyFields>(
  spec: Spec<F>,
): Declaration<Values<F & typeof COMMAND_FIELDS>> {
  const schema = record(structName(spec.name), { ...spec.fields, ...COMMAND_FIELDS });
  return { ...head(spec), kind: 'command', schema: schema as never };
}

export function message<F extends AnyFields>(spec: Spec<F>): Declaration<Values<F>> {
  return { ...head(spec), kind: 'message', schema: record(structName(spec.name), spec.fields) };
}

function head(spec: Spec<unknown>): Omit<Declaration, 'kind' | 'schema'> {
  return {
    name: spec.name,
    title: spec.title,
    doc: spec.doc,
    signer: spec.signer,
    lane: spec.lane ?? MAIN_LANE,
  };
}

/** The value type of a declaration. */
export type ValueOf<D> = D extends Declaration<infer T> ? T : never;
