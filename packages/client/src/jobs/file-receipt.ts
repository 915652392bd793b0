/**
 * Files receipts so that nobody can lose one unpunished (C2V-7.G2): validators of more than a third
 * of the weight acknowledge it. When no block takes it all the same, each of these words is evidence
 * against the one that signed it, and is shown to the chain.
 */
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import { acknowledgement, complete, type Receipt, reportOmission } from '@palisade/market/schema';
import { openMessage, submittedReader } from '../base/answers.ts';
import type { ChainClient } from '../base/chain-client.ts';
import { clientError } from '../base/errors.ts';
import { badAnswer } from '../base/http.ts';
import type { Question } from '../base/requests.ts';
import type { JobContext } from './context.ts';
import { activeWeights, type Signed } from './weights.ts';

type Acknowledged = Signed & { readonly envelope: Uint8Array };

/**
 * @returns the fee, base units
 * @throws PalisadeError `client/receipt-omitted` after the omission was reported; a refusal of the chain
 */
export async function fileReceipt(
  { chain, account }: JobContext,
  receipt: Receipt & { readonly partnerSignature: Uint8Array },
): Promise<bigint> {
  let acknowledged: readonly Acknowledged[] = [];
  const posted = await chain.post(complete, receipt, account.signer, {}, async (envelope, id) => {
    acknowledged = await collectAcknowledgements(chain, envelope, id).catch(ifIncluded);
  });
  try {
    await chain.waitFor(posted.id, { resend: () => chain.submit(posted.envelope) });
    return posted.fee;
  } catch (error) {
    if (!(error instanceof PalisadeError) || error.code !== 'client/not-included') throw error;
    let reported = 0;
    for (const { envelope } of acknowledged) {
      const omission = { transaction: posted.envelope, acknowledgement: envelope };
      // One that is refused is no evidence, and costs nothing: the receipt may have come meanwhile.
      reported += await chain.send(reportOmission, omission, account.signer).then(() => 1, refused);
    }
    throw clientError(
      'client/receipt-omitted',
      `${acknowledged.length} validators acknowledged receipt ${toHex(posted.id)}, and it is in no block; ${reported} of them are reported for it.`,
      { cause: error, retry: 'later', next: 'File it again.', data: { id: toHex(posted.id) } },
    );
  }
}

/** A block was quicker than the second validator: there is nothing to witness any more. */
function ifIncluded(error: unknown): readonly Acknowledged[] {
  if (error instanceof PalisadeError && error.code === 'engine/tx-included') return [];
  throw error;
}

function refused(error: unknown): 0 {
  if (error instanceof PalisadeError) return 0;
  throw error;
}

async function collectAcknowledgements(
  chain: ChainClient,
  transaction: Uint8Array,
  id: Uint8Array,
): Promise<readonly Acknowledged[]> {
  const domain = await chain.domain();
  const weights = await activeWeights(chain);
  const question: Question<Acknowledged> = {
    method: 'POST',
    path: '/v1/transactions',
    body: transaction,
    reader: {
      fromJson(json, path) {
        const { acknowledgement: envelope } = submittedReader.fromJson(json, path);
        const said = openMessage(acknowledgement, envelope, domain, 'it');
        if (!equalBytes(said.value.transaction, id))
          throw badAnswer('it', 'it acknowledges another transaction');
        return { sender: toHex(said.sender), envelope };
      },
    },
  };
  const answers = await chain.ask(question, {
    what: 'an acknowledgement',
    enough: weights.isSafe,
  });
  return answers.map(({ value }) => value);
}
