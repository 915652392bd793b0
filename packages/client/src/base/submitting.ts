/**
 * Handing signed transactions over: one validator's acknowledgement is enough for most, those of more than a
 * third of the weight for what nobody shall leave out unpunished.
 */
import { validatorsQuery } from '@palisade/chain/schema';
import { type Domain, equalBytes, PalisadeError, toHex } from '@palisade/core';
import { acknowledgement } from '@palisade/market/schema';
import { openMessage, submittedReader } from './answers.ts';
import { badAnswer } from './http.ts';
import type { Answer, ReachContext } from './reach.ts';
import { ask, type Question, query } from './requests.ts';
import { type Signed, weigh } from './weights.ts';

/** What a validator has promised to propose, and its word for it. */
export type Submitted = { readonly id: Uint8Array; readonly acknowledgement: Uint8Array };

/** What handing over needs of the client around it. */
export type SubmitContext = ReachContext & {
  domain(): Promise<Domain>;
  readonly floor: bigint;
};

/** The acknowledgement of one validator. */
export async function submit(
  context: SubmitContext,
  envelope: Uint8Array,
  id?: Uint8Array,
  signal?: AbortSignal,
): Promise<Submitted> {
  const question = submission(await context.domain(), envelope, id);
  const [answer] = await ask(context, question, { what: 'an acknowledgement', signal });
  return answer!.value;
}

/** Of more than a third of the weight; of fewer only where the others cannot be reached or refuse. */
export async function acknowledgements(
  context: SubmitContext,
  envelope: Uint8Array,
  id: Uint8Array,
  signal?: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const question = submission(await context.domain(), envelope, id);
  const { validators } = await query(context, validatorsQuery, {}, context.floor);
  const weights = weigh(validators);
  let given: readonly Answer<Submitted & Signed>[] = [];
  const enough = (answers: typeof given) => {
    given = answers;
    return weights.isSafe(answers);
  };
  await ask(context, question, { what: 'acknowledgements', enough, signal }).catch((error) => {
    // One that has it proposes it: it is on its way, and must not be signed a second time.
    const isRefused = error instanceof PalisadeError;
    if (given.length === 0 || signal?.aborted || !isRefused) throw error;
  });
  return given.map(({ value }) => value.acknowledgement);
}

/** Asks a validator to take an envelope; its word must be its own, for this very transaction. */
function submission(
  domain: Domain,
  body: Uint8Array,
  id?: Uint8Array,
): Question<Submitted & Signed> {
  return {
    method: 'POST',
    path: '/v1/transactions',
    body,
    reader: {
      fromJson(json, path) {
        const value = submittedReader.fromJson(json, path);
        const said = openMessage(acknowledgement, value.acknowledgement, domain, 'it');
        const same = equalBytes(said.value.transaction, value.id);
        if (same && (!id || equalBytes(value.id, id)))
          return { ...value, sender: toHex(said.sender) };
        throw badAnswer('it', 'it acknowledges another transaction');
      },
    },
  };
}
