import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import { address, bytes32, type KeyValueReader, list, record, u8, u64, u128 } from '@palisade/core';
import { wordOf } from './format/integers.ts';
import type { Position } from './format/position.ts';
import { params, paymentsParams } from './params.ts';
import { agreed, nextEvent } from './root-event.ts';
import {
  blockOfRoot,
  childBlockRecord,
  childBlocks,
  exiting,
  openBlockRecord,
  openChildBlock,
  outputAt,
  outputRecord,
  positionsOf,
} from './state.ts';
import { MAX_SUBMITTERS, submitterRecord, submitters } from './submitters.ts';

const outputView = record('OutputView', {
  position: u128,
  output: outputRecord,
  exiting: u8.is('1 while an exit of it is open'),
});

/** Nothing on a chain without payments. */
export const paymentsStateQuery = query({
  name: 'payments.state',
  doc: 'Settings of payments, the child block being made, and how far the root chain is agreed on.',
  params: record('PaymentsStateQuery', {}),
  result: record('PaymentsStateView', {
    params: paymentsParams,
    open: openBlockRecord,
    nextEvent: u64.is('Number of the next event of the root chain to agree on'),
    agreed: bytes32.is('Hash of all that was agreed on'),
  }),
});

export const outputQuery = query({
  name: 'payments.output',
  doc: 'An output that can be spent, or is exiting.',
  params: record('OutputQuery', { position: u128 }),
  result: outputView,
});

export const outputsOfQuery = query({
  name: 'payments.outputs-of',
  doc: 'Outputs of an owner, by position, a page at a time.',
  params: record('OutputsOfQuery', {
    owner: address,
    after: u128.is('Position after which the page begins; 0 for the first'),
  }),
  result: record('OutputsOfView', { outputs: list(outputView, MAX_PAGE) }),
});

export const childBlockQuery = query({
  name: 'payments.block',
  doc: 'A closed child block, by its number.',
  params: record('ChildBlockQuery', { blknum: u64 }),
  result: childBlockRecord,
});

export const blockOfRootQuery = query({
  name: 'payments.block-of-root',
  doc: 'Number of the child block with a root.',
  params: record('BlockOfRootQuery', { root: bytes32 }),
  result: record('BlockOfRootView', { blknum: u64 }),
});

export const submittersQuery = query({
  name: 'payments.submitters',
  doc: 'Who submits child blocks to the root chain, what gas that took, and what of it came back.',
  params: record('SubmittersQuery', {}),
  result: record('SubmittersView', {
    submitters: list(record('SubmitterView', { address, record: submitterRecord }), MAX_SUBMITTERS),
  }),
});

function viewOf(state: KeyValueReader, position: Position) {
  const output = outputAt(state, position);
  if (!output) return undefined;
  return {
    position,
    output: { ...output, amount: wordOf(output.amount) },
    exiting: exiting.has(state, position) ? 1 : 0,
  };
}

function pageOf(state: KeyValueReader, owner: Uint8Array, after: Position) {
  const page = [];
  for (const position of positionsOf(state, owner, after)) {
    page.push(viewOf(state, position)!);
    if (page.length === MAX_PAGE) break;
  }
  return page;
}

export const paymentQueries = [
  answer(paymentsStateQuery, (state) => {
    const settings = params.get(state);
    if (!settings) return undefined;
    return {
      ...{ params: settings, open: openChildBlock.need(state) },
      ...{ nextEvent: nextEvent.need(state), agreed: agreed.need(state) },
    };
  }),
  answer(outputQuery, (state, { position }) => viewOf(state, position)),
  answer(outputsOfQuery, (state, { owner, after }) => ({ outputs: pageOf(state, owner, after) })),
  answer(childBlockQuery, (state, { blknum }) => childBlocks.get(state, blknum)),
  answer(blockOfRootQuery, (state, { root }) => {
    const blknum = blockOfRoot.get(state, root);
    return blknum === undefined ? undefined : { blknum };
  }),
  answer(submittersQuery, (state) => ({
    submitters: [...submitters.list(state)].map(([[address], record]) => ({ address, record })),
  })),
];
