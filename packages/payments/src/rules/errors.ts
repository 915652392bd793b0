/**
 * Why a transaction is not executed. The names are the reference's, underscores included: its
 * clients tell them apart.
 */
import { type ErrorData, type Refusal, refuse } from '@palisade/core';

const REASONS = {
  missing_signature: 'Each input needs the signature of its owner, in the order of the inputs.',
  superfluous_signature: 'There are more signatures than inputs.',
  signature_corrupt: 'A signature is not one: it must be 65 bytes r, s and v, with the lower s.',
  empty_inputs: 'A payment spends at least one output; only deposits spend none.',
  duplicate_inputs: 'It names one output twice.',
  amount_cant_be_zero: 'An output without an amount is not wanted.',
  unrecognized_output_type: 'A payment makes outputs of type 1, a fee claim one of type 2.',
  utxo_not_found: 'An input is not there: it was spent, has left, or never was.',
  output_is_exiting: 'An input is leaving by an exit; it can be spent again if that is challenged.',
  input_utxo_ahead_of_state: 'An input lies in a block that is not made yet.',
  unauthorized_spend: 'An input belongs to somebody else than who signed for it.',
  amounts_do_not_add_up: 'Of some token, the outputs hold more than the inputs.',
  fees_not_covered: 'What the inputs hold beyond the outputs does not cover the fee.',
  overpaying_fees: 'What the inputs hold beyond the outputs is more than the fee.',
  multiple_potential_currency_fees: 'More than one token is left over: it is unclear what pays.',
  too_many_transactions_in_block: 'The block is full.',
  payments_rejected_during_fee_claiming:
    'The block has begun to claim its fees; payments are over.',
  surplus_in_token_not_collected: 'A fee is claimed in a token in which none was collected.',
  claimed_and_collected_amounts_mismatch: 'A fee claim is not of what the block collected.',
  malformed_nonce: 'A fee claim has the nonce of another block or token.',
} as const;

/** Names of the rules' refusals, without `payments/`. */
export type Reason = keyof typeof REASONS;

/** Reasons that time may cure. */
const PASSING: ReadonlySet<Reason> = new Set([
  'input_utxo_ahead_of_state',
  'output_is_exiting',
  'too_many_transactions_in_block',
  'payments_rejected_during_fee_claiming',
]);

/** A refusal with the code `payments/<reason>`. */
export function no(reason: Reason, data?: ErrorData): Refusal {
  return refuse(`payments/${reason}`, REASONS[reason], {
    retry: PASSING.has(reason) ? 'later' : 'never',
    ...(data === undefined ? {} : { data }),
  });
}

/** The refusal of commands on a chain without payments. */
export function notSetUp(): Refusal {
  return refuse('payments/not-set-up', 'This chain was begun without payments.', {
    next: 'A genesis document with a section "payments" has them.',
  });
}
