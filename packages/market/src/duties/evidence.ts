/** Signed words inside a command: evidence is whoever's signature is under it, not who brings it. */
import {
  type Catalogue,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  refuse,
  toHex,
  verifyOpened,
} from '@palisade/core';

/** Opens a message that `signer`, where one is named, must have signed. */
export function openEvidence(
  bytes: Uint8Array,
  known: Catalogue,
  domain: Domain,
  signer?: Uint8Array,
): Opened | Refusal {
  const opened = open(bytes, known, domain);
  if (isRefusal(opened)) return badEvidence(opened.message);
  if (signer && !equalBytes(opened.sender, signer))
    return badEvidence(`${opened.declaration.name} is not the word of ${toHex(signer)}.`);
  const bad = verifyOpened(opened);
  return bad ? badEvidence(bad.message) : opened;
}

export function badEvidence(why: string): Refusal {
  return refuse('market/bad-evidence', `The evidence proves nothing: ${why}`);
}
