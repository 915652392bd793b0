import { bytes32, message, u64 } from '@palisade/core';

/**
 * A validator's signed word that it has a transaction durably and will propose it: POOL_ACK for a
 * start, RECEIPT_ACK for a receipt (C2V-7, P2V-5). Omission after it is evidence.
 */
export const acknowledgement = message({
  name: 'market.acknowledgement',
  title: 'Acknowledgement',
  doc: 'A validator has a transaction and will propose it.',
  signer: 'node',
  fields: { transaction: bytes32, height: u64.is('Height of the chain when it was received') },
});
