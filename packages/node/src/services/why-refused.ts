import { type Refusal, refuse } from '@palisade/core';
import type { Submission } from '@palisade/engine';

/** Why a transaction was not taken. What the rules refuse has their code, which senders go by. */
export function whyRefused({
  refusal,
  check,
}: Extract<Submission, { readonly accepted: false }>): Refusal {
  return check ? refuse(check.codespace, check.log) : refusal;
}
