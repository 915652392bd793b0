/** Why an application cannot go on: each stops the node rather than let two replicas part. */
import { PalisadeError } from '@palisade/core';

export function corrupted(): PalisadeError {
  return new PalisadeError({
    code: 'chain/corrupted-state',
    message: 'The stored state does not hash to the app hash that was committed with it.',
    next: 'Restore the data directory from a backup or a snapshot; do not run this copy.',
  });
}

export function foreignGenesis(): PalisadeError {
  return new PalisadeError({
    code: 'chain/foreign-genesis',
    message:
      'The engine starts another chain than this application was made for: another genesis document, chain id or first height (which is 1).',
  });
}

export function undecidable(height: bigint): PalisadeError {
  return new PalisadeError({
    code: 'chain/bad-decided-block',
    message: `Block ${height} was decided although its last votes are not those of its commit.`,
  });
}
