/** From a signed request to a job in a block (C2V-1 to C2V-3). */
import { validatorsQuery } from '@palisade/chain/schema';
import { equalBytes, toHex, type ValueOf } from '@palisade/core';
import { confirmation, request } from '@palisade/market/schema';
import { confirmedReader, openMessage } from '../base/answers.ts';
import { badAnswer } from '../base/http.ts';
import type { Question } from '../base/requests.ts';
import { type Signed, weigh } from '../base/weights.ts';
import type { JobContext } from './context.ts';

/** What is asked for; who asks, and what it may cost in fees, comes with the account. */
export type RequestWish = Omit<ValueOf<typeof request>, 'client' | 'nonce' | 'maxFee'>;

export type Confirmed = {
  readonly validators: number;
  readonly weight: bigint;
  readonly total: bigint;
};

/**
 * Signs the request and brings it to validators until more than a third of the weight has
 * confirmed it: then at least one honest validator has it, whatever the others do.
 * @param note is called with every envelope before it is sent, to be written down
 */
export async function requestJob(
  context: JobContext,
  wish: RequestWish,
  note: (made: { job: Uint8Array; envelope: Uint8Array }) => Promise<void>,
  onConfirmed: (confirmed: Confirmed) => void,
): Promise<{ job: Uint8Array; envelope: Uint8Array }> {
  const { chain, account } = context;
  const fields = { ...wish, client: account.signer.id };
  const posted = await chain.post(request, fields, account.signer, {}, async (envelope, id) => {
    await note({ job: id, envelope });
    onConfirmed(await collectConfirmations(context, id, envelope));
  });
  return { job: posted.id, envelope: posted.envelope };
}

/** Sends a request until more than a third of the weight has confirmed it. */
export async function collectConfirmations(
  { chain }: JobContext,
  job: Uint8Array,
  envelope: Uint8Array,
): Promise<Confirmed> {
  const domain = await chain.domain();
  const weights = weigh((await chain.query(validatorsQuery, {})).validators);
  const question: Question<Signed> = {
    method: 'POST',
    path: '/v1/jobs',
    body: envelope,
    reader: {
      fromJson(json, path) {
        const answer = confirmedReader.fromJson(json, path);
        const { sender, value } = openMessage(confirmation, answer.confirmation, domain, 'it');
        if (!equalBytes(value.job, job)) throw badAnswer('it', 'it confirms another job');
        if (!weights.isActive(toHex(sender)))
          throw badAnswer('it', 'no active validator signed it');
        chain.directory.hear(value.validators);
        return { sender: toHex(sender) };
      },
    },
  };
  const answers = await chain.ask(question, {
    what: 'a confirmation',
    enough: weights.isSafe,
  });
  return { validators: answers.length, weight: weights.of(answers), total: weights.total };
}
