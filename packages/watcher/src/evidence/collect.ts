/** Collects evidence for what a watcher finds wrong now. */
import { isRefusal, toHex } from '@palisade/core';
import { decodeSigned, type Position, positionOf, TX_TYPE } from '@palisade/payments';
import type { Watch } from '../watch/watch.ts';

/** Documents as plain values, ready to be written as JSON. */
export function collectEvidence(watch: Watch): readonly Readonly<Record<string, unknown>>[] {
  return [...exitEvidence(watch), ...blockEvidence(watch)];
}

function placeOfContracts({ parts }: Watch) {
  return { framework: parts.root.contracts.framework, dialect: parts.dialect.name };
}

function exitEvidence(watch: Watch) {
  return watch.findings.challenges.flatMap(({ exit, spend }) => {
    if (exit.kind !== 'standard' || !spend) return [];
    const output = provenAt(watch, exit.position);
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
      },
    ];
  });
}

function blockEvidence(watch: Watch) {
  const { standstill } = watch.follower;
  if (standstill?.kind !== 'invalid_block') return [];
  const { blknum, hash, txindex } = standstill.block;
  const body = watch.blocks.block(blknum);
  if (!body) return [];
  const inputs = txindex === undefined ? [] : inputsOf(watch, body.transactions[txindex]);
  return [
    {
      ...{ kind: 'invalid_block', place: placeOfContracts(watch), blknum, root: toHex(hash) },
      transactions: body.transactions.map(toHex),
      txindex: txindex ?? null,
      inputs: inputs.map((position) => provenAt(watch, position) ?? null),
      earlier: earlierSpend(watch, inputs),
    },
  ];
}

function inputsOf({ parts }: Watch, bytes: Uint8Array | undefined): readonly Position[] {
  const decoded = bytes && decodeSigned(parts.dialect, bytes);
  if (!decoded || isRefusal(decoded) || decoded.transaction.type !== TX_TYPE.payment) return [];
  return decoded.transaction.inputs;
}

function provenAt({ transactions }: Watch, position: Position) {
  const proven = transactions.proven(position);
  if (!proven) return undefined;
  const { raw, proof, root } = proven;
  return { raw: toHex(raw), position, proof: toHex(proof), root: toHex(root) };
}

function earlierSpend(watch: Watch, inputs: readonly Position[]) {
  for (const input of inputs) {
    const spender = watch.blocks.spenderOf(input);
    const proven = spender && provenAt(watch, positionOf({ ...spender, oindex: 0 }));
    if (spender && proven) return { ...proven, input: spender.input };
  }
  return null;
}
