/**
 * What can be said of a transaction without knowing any other: that it is well formed, and who signed
 * for its inputs. Nothing here reads state, so threads can do it.
 */
import { isRefusal, type Refusal } from '@palisade/core';
import {
  decodeSigned,
  hashOf,
  isZero,
  OUTPUT_TYPE,
  type Payment,
  type Transaction,
  TX_TYPE,
} from '../format/transaction.ts';
import { type SigningDomain, signingDigest } from '../format/typed-data.ts';
import { no } from './errors.ts';

/** Who signed a digest, 20 bytes; undefined when the signature is void. `recover` of core/crypto. */
export type Recover = (digest: Uint8Array, signature: Uint8Array) => Uint8Array | undefined;

/** A transaction that was read, with those who signed for its inputs; plain data. */
export type Opened<T extends Transaction = Transaction> = {
  readonly transaction: T;
  /** 32 bytes; two that differ only in signatures share it. */
  readonly hash: Uint8Array;
  /** Bytes without signatures. */
  readonly raw: Uint8Array;
  /** Bytes as they came, signatures included. */
  readonly signed: Uint8Array;
  /** One address per input. */
  readonly signers: readonly Uint8Array[];
};

/** Reads a signed transaction and finds out who signed it. */
export function openTransaction(
  domain: SigningDomain,
  signed: Uint8Array,
  recover: Recover,
): Opened | Refusal {
  const decoded = decodeSigned(domain.dialect, signed);
  if (isRefusal(decoded)) return decoded;
  const { transaction, signatures, raw } = decoded;
  const wrong = misshaped(transaction, signatures);
  if (wrong) return wrong;
  const signers: Uint8Array[] = [];
  if (transaction.type === TX_TYPE.payment) {
    const digest = signingDigest(domain, transaction);
    for (const signature of signatures) {
      const signer = recover(digest, signature);
      if (!signer) return no('signature_corrupt');
      signers.push(signer);
    }
  }
  return { transaction, hash: hashOf(raw), raw, signed, signers };
}

function misshaped(
  transaction: Transaction,
  signatures: readonly Uint8Array[],
): Refusal | undefined {
  const isPayment = transaction.type === TX_TYPE.payment;
  const type = isPayment ? OUTPUT_TYPE.payment : OUTPUT_TYPE.fee;
  if (transaction.outputs.some((output) => output.type !== type))
    return no('unrecognized_output_type');
  if (transaction.outputs.some(({ amount }) => amount === 0n)) return no('amount_cant_be_zero');
  const inputs = isPayment ? transaction.inputs : [];
  if (isPayment && inputs.length === 0) return no('empty_inputs');
  if (new Set(inputs).size < inputs.length) return no('duplicate_inputs');
  if (signatures.length < inputs.length || signatures.some(isZero)) return no('missing_signature');
  if (signatures.length > inputs.length) return no('superfluous_signature');
  return undefined;
}

/** Whether it is a payment rather than a fee claim. */
export function isPayment(opened: Opened): opened is Opened<Payment> {
  return opened.transaction.type === TX_TYPE.payment;
}
