/**
 * Files receipts so that nobody can lose one unpunished (C2V-7.G2): validators of more than a third
 * of the weight acknowledge it. When no block takes it all the same, each of these words is evidence
 * against the one that signed it, and is shown to the chain.
 */
import { PalisadeError, toHex } from '@palisade/core';
import { complete, type Receipt, reportOmission } from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import type { JobContext } from './context.ts';

/**
 * @returns the fee, base units
 * @throws PalisadeError `client/receipt-omitted` after the omission was reported; a refusal of the chain
 */
export async function fileReceipt(
  { chain, account: { signer } }: JobContext,
  receipt: Receipt & { readonly partnerSignature: Uint8Array },
): Promise<bigint> {
  const posted = await chain.post(complete, receipt, signer, { isWitnessed: true });
  const { id, envelope: transaction, acknowledgements, fee } = posted;
  try {
    await chain.waitFor(id, { resend: () => chain.submit(transaction) });
    return fee;
  } catch (error) {
    if (!(error instanceof PalisadeError) || error.code !== 'client/not-included') throw error;
    let reported = 0;
    for (const acknowledgement of acknowledgements) {
      const omission = { transaction, acknowledgement };
      // One that is refused is no evidence, and costs nothing: the receipt may have come meanwhile.
      reported += await chain.send(reportOmission, omission, signer).then(() => 1, refused);
    }
    throw clientError(
      'client/receipt-omitted',
      `${acknowledgements.length} validators acknowledged receipt ${toHex(id)}, and it is in no block; ${reported} of them are reported for it.`,
      { cause: error, retry: 'later', next: 'File it again.', data: { id: toHex(id) } },
    );
  }
}

function refused(error: unknown): 0 {
  if (error instanceof PalisadeError) return 0;
  throw error;
}
