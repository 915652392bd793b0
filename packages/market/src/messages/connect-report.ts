import { address, bytes32, message, u8, u64 } from '@palisade/core';

const finding = {
  ok: u8.is('1 when both were in touch, 0 when not'),
  sequence: u64.is('Of the READY whose endpoint was used'),
};

/** CONNECT_REPORT (P2V-4.G1) of the client: whether it reached the partner of its match. */
export const clientConnectReport = message({
  name: 'market.client-connect-report',
  title: 'Connection report of the client',
  doc: 'A client says whether it reached its partner.',
  signer: 'account',
  fields: { job: bytes32, partner: bytes32, ...finding },
});

/** CONNECT_REPORT of the partner: whether the client came. */
export const partnerConnectReport = message({
  name: 'market.partner-connect-report',
  title: 'Connection report of the partner',
  doc: 'A partner says whether the client of a match came.',
  signer: 'node',
  fields: { job: bytes32, client: address, ...finding },
});
