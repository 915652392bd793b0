/**
 * Checks that a block is invalid, by the rules that judge every block. What counts in it is proven by its root; what is not
 * under the root, as signatures are, can only be asked for again: whoever handed it out may have lied.
 */
import { equalBytes, isRefusal, type Refusal, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  addEffects,
  BlockTree,
  decodeSigned,
  decodeTransaction,
  encodeTransaction,
  isIncluded,
  isPayment,
  judge,
  type Opened,
  type Output,
  openBlock,
  openTransaction,
  outputIdOf,
  type Position,
  placeOf,
  type SigningDomain,
  surplusOf,
  type Transaction,
  TX_TYPE,
  tokenKey,
  UNUSED_LEAF,
} from '@palisade/payments';
import { askBlock, askRoot, askRootOf } from './ask.ts';
import type { InvalidBlockEvidence, ProvenTx } from './bundle.ts';
import type { EvidenceReport } from './check.ts';

const nothing = (finding: string): EvidenceReport => ({ holds: false, finding, toAsk: [] });

/** Refusals that are about signatures. */
const UNDER_NO_ROOT: ReadonlySet<string> = new Set([
  ...['payments/missing_signature', 'payments/superfluous_signature'],
  ...['payments/signature_corrupt', 'payments/unauthorized_spend'],
]);

export function checkBlock(domain: SigningDomain, evidence: InvalidBlockEvidence): EvidenceReport {
  const { blknum, root, answered, txindex } = evidence;
  const asked = [askRoot(blknum, root)];
  const handedOut = `${askBlock(root)} whether it answers as is shown here.`;
  const wrong = (finding: string, ...more: readonly string[]): EvidenceReport => ({
    ...{ holds: true, finding: `Block ${blknum} is invalid: ${finding}` },
    toAsk: [...asked, ...more],
  });
  if (answered.number !== blknum || !equalBytes(answered.hash, root))
    return wrong(
      `asked for ${toHex(root)}, the child chain hands out block ${answered.number} with hash ${toHex(answered.hash)}.`,
      handedOut,
    );
  const read = readAll(domain, evidence);
  if ('txindex' in read)
    return read.txindex === txindex
      ? wrong(`transaction ${txindex} cannot be read. ${read.why}`, handedOut)
      : nothing(`Transaction ${read.txindex} cannot be read. ${read.why}`);
  const isRoot = equalBytes(BlockTree.of(read.raws).root, root);
  if (txindex === null)
    return isRoot
      ? nothing('The transactions are under the root, and none of them is named.')
      : wrong('what the child chain hands out is not under its root.', handedOut);
  if (!isRoot) return nothing('The transactions are not those under this root.');
  const bytes = evidence.transactions[txindex];
  if (!bytes) return nothing('No transaction of the block is named.');
  const opened = openTransaction(domain, bytes, secp256k1.recover);
  const known = new Known(domain, evidence, read.transactions, txindex);
  const refusal = isRefusal(opened) ? opened : known.judge(opened);
  if (refusal === undefined) return nothing('Nothing is wrong with it by what is shown.');
  if (typeof refusal === 'string') return nothing(refusal);
  const more = UNDER_NO_ROOT.has(refusal.code) ? [handedOut] : [];
  return wrong(`transaction ${txindex}: ${refusal.message}`, ...known.asked, ...more);
}

type Read =
  | { readonly raws: readonly Uint8Array[]; readonly transactions: readonly Transaction[] }
  | { readonly txindex: number; readonly why: string };

function readAll({ dialect }: SigningDomain, { transactions: all }: InvalidBlockEvidence): Read {
  const transactions: Transaction[] = [];
  for (const [txindex, bytes] of all.entries()) {
    const decoded = decodeSigned(dialect, bytes);
    if (isRefusal(decoded)) return { txindex, why: decoded.message };
    transactions.push(decoded.transaction);
  }
  return { raws: transactions.map(encodeTransaction), transactions };
}

/** What the evidence shows of the outputs before the transaction that is wrong. */
class Known {
  /** What the root chain must say to it. */
  readonly asked: string[] = [];
  private doubt: string | undefined;
  /** What is shown, by its place: a block can have as many inputs as evidence has proofs. */
  private readonly places: ReadonlyMap<Position, ProvenTx>;
  private readonly domain: SigningDomain;
  private readonly evidence: InvalidBlockEvidence;
  /** Those of the block that come before. */
  private readonly before: readonly Transaction[];

  constructor(
    domain: SigningDomain,
    evidence: InvalidBlockEvidence,
    transactions: readonly Transaction[],
    txindex: number,
  ) {
    this.domain = domain;
    this.evidence = evidence;
    this.before = transactions.slice(0, txindex);
    this.places = new Map(
      evidence.made.map((one) => [one.position - BigInt(placeOf(one.position).oindex), one]),
    );
  }

  /** Why the rules refuse it; nothing when they do not; a sentence when what is shown does not hold. */
  judge(opened: Opened): Refusal | string | undefined {
    const judged = this.judgeAsShown(opened);
    return this.doubt ?? judged;
  }

  private judgeAsShown(opened: Opened): Refusal | string | undefined {
    const { blknum } = this.evidence;
    const block = openBlock(blknum);
    for (const transaction of this.before) {
      // What was collected counts for claims alone.
      const collected = isPayment(opened) ? new Map() : this.surplus(transaction);
      if (!collected) return 'What made the inputs of a payment of the block is not shown.';
      addEffects(block, { spent: [], created: [], collected });
      if (transaction.type === TX_TYPE.fee) block.claiming = true;
    }
    const spent = new Set(this.before.flatMap((one) => ('inputs' in one ? one.inputs : [])));
    const get = (position: Position) =>
      spent.has(position) || this.isSpentEarlier(position) ? undefined : this.unspent(position);
    const judged = judge({ get }, block, opened);
    return isRefusal(judged) ? judged : undefined;
  }

  private surplus(transaction: Transaction) {
    if (transaction.type === TX_TYPE.fee) {
      const [{ token, amount }] = transaction.outputs;
      return new Map([[tokenKey(token), -amount]]);
    }
    const spent = transaction.inputs.map((position) => this.made(position));
    if (spent.some((output) => output === undefined)) return undefined;
    return surplusOf(
      spent.flatMap((output) => output ?? []),
      transaction.outputs,
    );
  }

  /** The output at a position, whether it was spent or not. */
  private made(position: Position): Output | undefined {
    const { blknum, txindex, oindex } = placeOf(position);
    if (blknum === this.evidence.blknum) return this.before[txindex]?.outputs[oindex];
    const proven = this.shown(position);
    if (!proven) {
      this.asked.push(`blocks(${blknum}) of the framework: there must be none.`);
      return undefined;
    }
    this.asked.push(askRootOf(proven));
    if (!isIncluded(proven.root, proven.raw, txindex, proven.proof))
      this.doubt = `What is shown for ${position} is not under the root that is shown.`;
    if (equalBytes(proven.raw, UNUSED_LEAF)) return undefined;
    const decoded = decodeTransaction(this.domain.dialect, proven.raw);
    return isRefusal(decoded) ? undefined : decoded.outputs[oindex];
  }

  /** The transaction that the evidence shows at a place, whichever of its outputs is named. */
  private shown(position: Position): ProvenTx | undefined {
    return this.places.get(position - BigInt(placeOf(position).oindex));
  }

  private unspent(position: Position): Output | undefined {
    const output = this.made(position);
    const shown = this.shown(position);
    // What the block made itself cannot have left before it.
    if (!output || !shown || !this.evidence.left.includes(position)) return output;
    const outputId = toHex(outputIdOf(shown.raw, position));
    this.asked.push(`isOutputFinalized(${outputId}) of the framework: it must have left.`);
    return undefined;
  }

  /** Whether the evidence shows an older transaction that spends a position. */
  private isSpentEarlier(position: Position): boolean {
    const { earlier, blknum } = this.evidence;
    if (!earlier) return false;
    const place = placeOf(earlier.position);
    const other = decodeTransaction(this.domain.dialect, earlier.raw);
    if (isRefusal(other) || other.type !== TX_TYPE.payment || place.blknum >= blknum) return false;
    if (other.inputs[earlier.input] !== position) return false;
    if (!isIncluded(earlier.root, earlier.raw, place.txindex, earlier.proof)) return false;
    this.asked.push(askRootOf(earlier));
    return true;
  }
}
