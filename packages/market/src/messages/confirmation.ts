import { bytes32, list, message, record, text, u32, u64 } from '@palisade/core';

/** Validators of a list at most: all seats and their stand-bys. */
export const MAX_DIRECTORY = 64;
/** Bytes of an endpoint URL. */
export const MAX_URL = 200;

/** How a validator is reached; clients and partners refresh their directory from it (C2V-1). */
export const validatorEndpoint = record('ValidatorEndpoint', {
  nodeKey: bytes32,
  url: text(MAX_URL).is('Base URL of its API'),
});

/** JOB_CONFIRM (C2V-2): one validator's promise that the job stands in the file of a block. */
export const confirmation = message({
  name: 'market.confirmation',
  title: 'Job confirmation',
  doc: 'A validator has received a job and placed it in the job file of a block.',
  signer: 'node',
  fields: {
    job: bytes32,
    height: u64.is('Block whose job file holds the job'),
    jobsInFile: u32.is('Jobs in that file so far, this one included'),
    session: u64.is('Pay period in which the list works'),
    validatorSetHash: bytes32.is('Hash of the validator set of the chain head'),
    validators: list(validatorEndpoint, MAX_DIRECTORY).is('Who is working in this pay period'),
  },
});
