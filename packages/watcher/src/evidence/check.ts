/** Checks evidence offline: pure, by the rules of the child chain alone. */
import { equalBytes, isRefusal, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  BlockTree,
  DIALECTS,
  decodeSigned,
  decodeTransaction,
  encodeTransaction,
  hashOf,
  isIncluded,
  type Output,
  openTransaction,
  type Payment,
  paymentDomain,
  placeOf,
  type SigningDomain,
  signingDigest,
  surplusOf,
  TX_TYPE,
} from '@palisade/payments';
import type { Evidence, InvalidBlockEvidence, InvalidExitEvidence, ProvenTx } from './bundle.ts';

export type EvidenceReport = {
  /** Whether the evidence shows what it says. */
  readonly holds: boolean;
  /** What it shows, or why it shows nothing. */
  readonly finding: string;
  /** What only the root chain can say, to be asked of any node. */
  readonly toAsk: readonly string[];
};

export function checkEvidence(evidence: Evidence): EvidenceReport {
  const { dialect, framework } = evidence.place;
  const domain = paymentDomain(DIALECTS[dialect], framework);
  return evidence.kind === 'invalid_exit'
    ? checkExit(domain, evidence)
    : checkBlock(domain, evidence);
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
  return {
    holds: true,
    finding: `The exit of ${position} is invalid: its owner ${toHex(owner)} spent it in transaction ${toHex(hashOf(spend.raw))}.`,
    toAsk: [
      askRoot(made),
      `standardExits([${exitId}]) of the exit game: whether the exit is still exitable.`,
    ],
  };
}

function checkBlock(domain: SigningDomain, evidence: InvalidBlockEvidence): EvidenceReport {
  const { blknum, root, transactions, txindex } = evidence;
  const ask = [`blocks(${blknum}) of the framework: its root must be ${toHex(root)}.`];
  const shown = (finding: string): EvidenceReport => ({ holds: true, finding, toAsk: ask });
  const raws: Uint8Array[] = [];
  for (const [i, bytes] of transactions.entries()) {
    const decoded = decodeSigned(domain.dialect, bytes);
    if (isRefusal(decoded))
      return nothing(
        `Transaction ${i} cannot be read, so its block's root is not known to be this.`,
      );
    raws.push(encodeTransaction(decoded.transaction));
  }
  if (!equalBytes(BlockTree.of(raws).root, root))
    return nothing('The transactions are not those under this root.');
  const bytes = txindex === null ? undefined : transactions[txindex];
  if (bytes === undefined) return nothing('No transaction of the block is named.');
  const opened = openTransaction(domain, bytes, secp256k1.recover);
  if (isRefusal(opened) || opened.transaction.type !== TX_TYPE.payment)
    return nothing('What is wrong with this transaction cannot be shown by itself.');
  const { inputs } = opened.transaction;
  const spent: Output[] = [];
  for (const [i, position] of inputs.entries()) {
    const made = evidence.inputs[i];
    if (!made) return nothing(`What made input ${i} is not shown.`);
    const output = outputAt(domain, made, position);
    if (typeof output === 'string') return nothing(output);
    ask.push(askRoot(made));
    if (!equalBytes(output.owner, opened.signers[i]!))
      return shown(
        `Block ${blknum} is invalid: transaction ${txindex} spends what is not its signer's.`,
      );
    spent.push(output);
  }
  if (!surplusOf(spent, opened.transaction.outputs))
    return shown(
      `Block ${blknum} is invalid: transaction ${txindex} pays out more than it spends.`,
    );
  const twice = spentEarlier(domain, evidence, opened.transaction);
  if (twice) return shown(`Block ${blknum} is invalid: transaction ${txindex} ${twice}`);
  return nothing('Nothing is wrong with this transaction by what is shown.');
}

/** Whether the evidence names an older transaction that spends the same. */
function spentEarlier(
  domain: SigningDomain,
  { earlier, blknum, txindex }: InvalidBlockEvidence,
  { inputs }: Payment,
): string | undefined {
  if (!earlier) return undefined;
  const other = decodeTransaction(domain.dialect, earlier.raw);
  const place = placeOf(earlier.position);
  const isOlder =
    place.blknum < blknum || (place.blknum === blknum && place.txindex < (txindex ?? 0));
  if (isRefusal(other) || other.type !== TX_TYPE.payment || !isOlder) return undefined;
  const position = other.inputs[earlier.input];
  if (position === undefined || !inputs.includes(position)) return undefined;
  if (!isIncluded(earlier.root, earlier.raw, place.txindex, earlier.proof)) return undefined;
  return `spends ${position}, which transaction ${place.txindex} of block ${place.blknum} had spent.`;
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

function askRoot({ position, root }: ProvenTx): string {
  return `blocks(${placeOf(position).blknum}) of the framework: its root must be ${toHex(root)}.`;
}
