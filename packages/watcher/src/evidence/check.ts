/** Checks evidence offline: pure, by the rules of the child chain alone. */
import { equalBytes, isRefusal, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  DIALECTS,
  decodeTransaction,
  hashOf,
  isIncluded,
  type Output,
  type Payment,
  paymentDomain,
  placeOf,
  type SigningDomain,
  signingDigest,
  TX_TYPE,
} from '@palisade/payments';
import { askBlock, askRoot, askRootOf } from './ask.ts';
import type { Evidence, InvalidExitEvidence, ProvenTx, WithheldBlockEvidence } from './bundle.ts';
import { checkBlock } from './check-block.ts';

export type EvidenceReport = {
  /** Whether the evidence shows what it says. */
  readonly holds: boolean;
  /** What it shows, or why it shows nothing. */
  readonly finding: string;
  /** What only the root chain can say, or the child chain that is accused: to be asked of them. */
  readonly toAsk: readonly string[];
};

export function checkEvidence(evidence: Evidence): EvidenceReport {
  const { dialect, framework } = evidence.place;
  const domain = paymentDomain(DIALECTS[dialect], framework);
  if (evidence.kind === 'invalid_exit') return checkExit(domain, evidence);
  return evidence.kind === 'invalid_block' ? checkBlock(domain, evidence) : withheld(evidence);
}

/** Silence cannot be shown: it is asked for again. */
function withheld({ blknum, root, sinceMs, tries }: WithheldBlockEvidence): EvidenceReport {
  return {
    holds: true,
    finding: `Block ${blknum} was asked for ${tries} times since ${new Date(sinceMs).toISOString()}, and not handed out.`,
    toAsk: [askRoot(blknum, root), `${askBlock(root)} whether it hands it out now.`],
  };
}

const nothing = (finding: string): EvidenceReport => ({ holds: false, finding, toAsk: [] });

function checkExit(domain: SigningDomain, evidence: InvalidExitEvidence): EvidenceReport {
  const { position, owner, output: made, spend, exitId } = evidence;
  const output = outputAt(domain, made, position);
  if (typeof output === 'string') return nothing(output);
  if (!equalBytes(output.owner, owner)) return nothing('The output belongs to somebody else.');
  const spending = decodeTransaction(domain.dialect, spend.raw);
  if (isRefusal(spending)) return nothing(`The spend cannot be read: ${spending.message}`);
  if (spending.type !== TX_TYPE.payment || spending.inputs[spend.input] !== position)
    return nothing('The transaction that is shown does not spend the output.');
  if (!isSignedBy(domain, spending, spend.signature, owner))
    return nothing('The owner has not signed the transaction that is shown.');
  const late = evidence.included && includedLate(evidence.included, spend.raw);
  if (typeof late === 'string') return nothing(late);
  return {
    holds: true,
    finding: `The exit of ${position} is invalid: its owner ${toHex(owner)} spent it in transaction ${toHex(hashOf(spend.raw))}${late?.finding ?? ''}.`,
    toAsk: [
      askRootOf(made),
      ...(late?.toAsk ?? []),
      `standardExits([${exitId}]) of the exit game: whether the exit is still exitable.`,
    ],
  };
}

/** That a block has the spend, and when; or what is wrong with what is shown. */
function includedLate(included: NonNullable<InvalidExitEvidence['included']>, raw: Uint8Array) {
  const { position, root, proof, exitStartedAt, submittedAt } = included;
  const { blknum, txindex } = placeOf(position);
  if (!equalBytes(included.raw, raw) || !isIncluded(root, raw, txindex, proof))
    return 'The spend is not under the root that is shown.';
  return {
    finding: `, which is in block ${blknum}, ${submittedAt - exitStartedAt} root-chain blocks after the exit began`,
    toAsk: [
      askRoot(blknum, root),
      `the logs ExitStarted at root-chain block ${exitStartedAt} and BlockSubmitted of ${blknum} at ${submittedAt}.`,
    ],
  };
}

/** The output at a position, by a transaction that is proven to be there; or what is wrong. */
function outputAt(domain: SigningDomain, made: ProvenTx, position: bigint): Output | string {
  const { blknum, txindex, oindex } = placeOf(position);
  const at = placeOf(made.position);
  if (at.blknum !== blknum || at.txindex !== txindex)
    return 'The output is of another transaction.';
  if (!isIncluded(made.root, made.raw, txindex, made.proof))
    return `The transaction that makes ${position} is not under the root that is shown.`;
  const decoded = decodeTransaction(domain.dialect, made.raw);
  if (isRefusal(decoded)) return `The transaction that makes ${position} cannot be read.`;
  return decoded.outputs[oindex] ?? `The transaction has no output ${oindex}.`;
}

function isSignedBy(
  domain: SigningDomain,
  payment: Payment,
  signature: Uint8Array,
  owner: Uint8Array,
): boolean {
  const signer = secp256k1.recover(signingDigest(domain, payment), signature);
  return signer !== undefined && equalBytes(signer, owner);
}
