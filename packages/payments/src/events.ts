import { event } from '@palisade/chain/schema';
import { address, bytes32, u32, u64, u128 } from '@palisade/core';

const moved = {
  position: u128,
  owner: address,
  token: address,
  amount: bytes32.is('Base units, big-endian'),
};

export const paymentAccepted = event({
  name: 'payments.accepted',
  doc: 'A payment was executed; it has its place in the child block that is being made.',
  fields: { blknum: u64, txindex: u32, hash: bytes32 },
});
export const childBlockClosed = event({
  name: 'payments.block-closed',
  doc: 'A child block is complete: its root can be submitted to the root chain.',
  fields: { blknum: u64, root: bytes32, transactions: u32 },
});
export const credited = event({
  name: 'payments.credited',
  doc: 'A deposit can be spent.',
  fields: moved,
});
export const outputLocked = event({
  name: 'payments.output-locked',
  doc: 'An exit of an output began: it cannot be spent while that is open.',
  fields: { position: u128 },
});
export const outputFreed = event({
  name: 'payments.output-freed',
  doc: 'The last open exit of an output ended without being paid: it can be spent again.',
  fields: { position: u128 },
});
export const exitPaid = event({
  name: 'payments.exit-paid',
  doc: 'An output left by an exit.',
  fields: moved,
});
export const unbackedExit = event({
  name: 'payments.unbacked-exit',
  doc: 'An exit of an output that was not there was paid: the vault lacks that much.',
  fields: moved,
});
export const gasRefunded = event({
  name: 'payments.gas-refunded',
  doc: 'The ether that a child block collected went to who paid gas for submitting earlier ones.',
  fields: { blknum: u64, submitter: address, amount: bytes32.is('Wei, big-endian') },
});

export const paymentEvents = [
  ...[paymentAccepted, childBlockClosed, credited],
  ...[outputLocked, outputFreed, exitPaid, unbackedExit, gasRefunded],
];
