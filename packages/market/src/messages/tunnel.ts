import { bytes32, message } from '@palisade/core';

/**
 * Opens a tunnel at a partner: proves that the job's client is at the other end. The nonce is the
 * partner's, new for every connection, so that nobody can play an old one again.
 */
export const tunnelOpen = message({
  name: 'market.tunnel-open',
  title: 'Open a tunnel',
  doc: 'The client of a job asks its partner for the tunnel that was agreed on.',
  signer: 'account',
  fields: {
    job: bytes32,
    partner: bytes32.is("The partner's node key"),
    nonce: bytes32.is('What the partner gave for this connection'),
  },
});
