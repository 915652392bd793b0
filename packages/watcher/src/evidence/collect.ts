/** Collects evidence for what a watcher finds wrong now. */
import { isRefusal, toHex } from '@palisade/core';
import {
  type Dialect,
  decodeSigned,
  type Position,
  placeOf,
  positionOf,
  TX_TYPE,
} from '@palisade/payments';
import { blockHeight } from '../exits/judge-standard.ts';
import type { Spend, StandardExit } from '../exits/records.ts';
import type { Watch } from '../watch/watch.ts';

/** What a watcher has to show it with. */
export type EvidenceSource = Pick<
  Watch,
  'findings' | 'follower' | 'transactions' | 'blocks' | 'books' | 'table'
> & {
  readonly parts: {
    readonly dialect: Dialect;
    readonly root: { readonly contracts: { readonly framework: string } };
  };
};

/** Documents as plain values, ready to be written as JSON. */
export function collectEvidence(
  watch: EvidenceSource,
): readonly Readonly<Record<string, unknown>>[] {
  return [...exitEvidence(watch), ...blockEvidence(watch)];
}

function placeOfContracts({ parts }: EvidenceSource) {
  return { framework: parts.root.contracts.framework, dialect: parts.dialect.name };
}

function exitEvidence(watch: EvidenceSource) {
  return watch.findings.challenges.flatMap(({ exit, spend }) => {
    if (exit.kind !== 'standard' || !spend) return [];
    const output = placedAt(watch, exit.position);
    if (!output) return [];
    return [
      {
        ...{ kind: 'invalid_exit', place: placeOfContracts(watch) },
        ...{ exitId: exit.exitId, position: exit.position, owner: toHex(exit.owner), output },
        spend: {
          raw: toHex(spend.raw),
          input: spend.input,
          signature: toHex(spend.signature),
        },
        included: includedAt(watch, exit, spend),
      },
    ];
  });
}

/** The block that spends an exiting output, and how long after the exit began. */
function includedAt(watch: EvidenceSource, { startedAt }: StandardExit, { place }: Spend) {
  const proven = place && placedAt(watch, positionOf({ ...place, oindex: 0 }));
  if (!place || !proven) return null;
  const submittedAt = blockHeight(watch.table, place.blknum);
  return { ...proven, exitStartedAt: startedAt, submittedAt };
}

function blockEvidence(watch: EvidenceSource) {
  const { standstill } = watch.follower;
  const place = placeOfContracts(watch);
  if (standstill?.kind === 'missing_block' && standstill.withheld) {
    const { blknum, hash, missing } = standstill;
    const { since: sinceMs, tries } = missing;
    return [{ kind: 'withheld_block', place, blknum, root: toHex(hash), sinceMs, tries }];
  }
  if (standstill?.kind !== 'invalid_block') return [];
  const { block, body } = standstill;
  const { blknum, hash, txindex } = block;
  const inputs = txindex === undefined ? [] : inputsOf(watch, body.transactions[txindex]);
  const wanted = inputs ?? body.transactions.flatMap((bytes) => inputsOf(watch, bytes) ?? []);
  return [
    {
      ...{ kind: 'invalid_block', place, blknum, root: toHex(hash) },
      answered: { number: body.number, hash: toHex(body.hash) },
      transactions: body.transactions.map(toHex),
      txindex: txindex ?? null,
      made: wanted.flatMap((position) =>
        placeOf(position).blknum === blknum ? [] : (placedAt(watch, position) ?? []),
      ),
      left: wanted.filter((position) => hasLeft(watch, position)),
      earlier: earlierSpend(watch, wanted),
    },
  ];
}

/** Inputs of a payment; undefined for what claims a fee: that depends on all inputs of the block. */
function inputsOf(
  { parts }: EvidenceSource,
  bytes: Uint8Array | undefined,
): readonly Position[] | undefined {
  const decoded = bytes && decodeSigned(parts.dialect, bytes);
  if (!decoded || isRefusal(decoded)) return [];
  return decoded.transaction.type === TX_TYPE.payment ? decoded.transaction.inputs : undefined;
}

function hasLeft({ table, transactions }: EvidenceSource, position: Position): boolean {
  const proven = transactions.proven(position);
  return proven !== undefined && table.wasPaid({ position, outputTx: proven.raw });
}

function placedAt({ transactions }: EvidenceSource, position: Position) {
  const placed = transactions.at(position);
  if (!placed) return undefined;
  const { raw, proof, root } = placed;
  return { raw: toHex(raw), position, proof: toHex(proof), root: toHex(root) };
}

function earlierSpend(watch: EvidenceSource, inputs: readonly Position[]) {
  for (const input of inputs) {
    const spender = watch.blocks.spenderOf(input);
    const proven = spender && placedAt(watch, positionOf({ ...spender, oindex: 0 }));
    if (spender && proven) return { ...proven, input: spender.input };
  }
  return null;
}
