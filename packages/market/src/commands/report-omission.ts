import {
  type CommandHandler,
  cannotPay,
  handle,
  REPORT_LANE,
  senderOf,
  sessions,
  type TxContext,
  validators,
} from '@palisade/chain';
import {
  byteList,
  type Catalogue,
  catalogue,
  command,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  toHex,
  type ValueOf,
} from '@palisade/core';
import { dutyParamsOf, firstOfEvidence } from '../duties/complaint.ts';
import { omissionProven } from '../duties/events.ts';
import { badEvidence, openEvidence } from '../duties/evidence.ts';
import { omissions } from '../duties/records.ts';
import { acknowledgement } from '../messages/acknowledgement.ts';
import { MAX_INNER } from '../messages/matching.ts';
import { noteNeglect } from '../standing/notes.ts';
import { accountKey, FAULT } from '../standing/records.ts';

/** Bytes of a transaction that can be reported: the largest, an audit answer, has up to 64 KiB and fits. */
const MAX_TRANSACTION = 80 * 1024;

/**
 * An acknowledged transaction that no block took (C2V-7.G2, P2V-5): whoever holds the transaction and
 * the acknowledgement can show it, for as long as the transaction could still be executed.
 */
export const reportOmission = command({
  name: 'market.report-omission',
  title: 'Report an omission',
  doc: 'Shows a transaction that a validator acknowledged and that is in no block, though it could be.',
  signer: 'account',
  // Its sender may be the one whose transaction is missing: that one's place must stay free.
  lane: REPORT_LANE,
  fields: {
    transaction: byteList(MAX_TRANSACTION).is('The signed transaction'),
    acknowledgement: byteList(MAX_INNER).is("The validator's signed market.acknowledgement"),
  },
});
type Report = ValueOf<typeof reportOmission>;

const acknowledgements = catalogue([acknowledgement]);

/** Opens both and holds them against each other. */
function openReport(value: Report, known: Catalogue, domain: Domain) {
  const missing = openEvidence(value.transaction, known, domain);
  if (isRefusal(missing)) return missing;
  const said = openEvidence(value.acknowledgement, acknowledgements, domain);
  if (isRefusal(said)) return said;
  const { transaction, height } = said.value as ValueOf<typeof acknowledgement>;
  if (!equalBytes(transaction, missing.id)) return badEvidence('it acknowledges something else.');
  return { missing, validator: said.sender, height };
}
type Opening = Exclude<ReturnType<typeof openReport>, Refusal>;

function checkTime({ state, session, height }: TxContext, heard: bigint): Refusal | undefined {
  const first = sessions.need(state, firstOfEvidence(state, session.number));
  if (heard < first.startHeight)
    return refuse('market/too-late', `An acknowledgement at height ${heard} is too old.`);
  const { inclusionBlocks } = dutyParamsOf(state);
  if (heard + BigInt(inclusionBlocks) < height - 1n) return undefined;
  return refuse('market/too-early', `A block within ${inclusionBlocks} could still hold it.`, {
    retry: 'later',
  });
}

function isCounted({ state, session }: TxContext, { validator, missing }: Opening): boolean {
  const first = firstOfEvidence(state, session.number);
  for (let number = session.number; number >= first; number--)
    if (omissions.has(state, number, validator, missing.id)) return true;
  return false;
}

/**
 * Why a transaction is rightly in no block: it was executed, or another took its place, or it could
 * not be paid for, or its command would be refused.
 */
function whyLeftOut(
  ctx: TxContext,
  missing: Opened,
  handlers: ReadonlyMap<string, CommandHandler>,
): Refusal | undefined {
  const { state, height, timeMs, hash, session } = ctx;
  const sender = senderOf(state, missing);
  if (isRefusal(sender)) return sender;
  const unpaid = cannotPay(state, sender, missing);
  if (unpaid) return unpaid;
  const block = { state, height, timeMs, hash, session };
  const alone = { ...block, sender, txId: missing.id, fee: 0n, emit() {} };
  return handlers.get(missing.declaration.name)!.verify(alone, missing.value);
}

/** @param handlers of the commands whose omission can be reported */
export function reportOmissionHandler(domain: Domain, handlers: readonly CommandHandler[]) {
  const byName = new Map(handlers.map((handler) => [handler.declaration.name, handler]));
  const known = catalogue(handlers.map(({ declaration }) => declaration));
  return handle(reportOmission, {
    verify(ctx, value) {
      const opened = openReport(value, known, domain);
      if (isRefusal(opened)) return opened;
      if (!validators.has(ctx.state, opened.validator))
        return badEvidence(`${toHex(opened.validator)} is no validator.`);
      const untimely = checkTime(ctx, opened.height);
      if (untimely) return untimely;
      if (isCounted(ctx, opened))
        return refuse('market/omission-known', 'This omission counts already.');
      const why = whyLeftOut(ctx, opened.missing, byName);
      if (!why) return undefined;
      return refuse(
        'market/not-omitted',
        `That transaction has no place in a block: ${why.message}`,
      );
    },
    apply(ctx, value) {
      const { missing, validator, height } = openReport(value, known, domain) as Opening;
      const { state, session } = ctx;
      omissions.set(state, [session.number, validator, missing.id], 0);
      ctx.emit(omissionProven, { validator, transaction: missing.id, acknowledgedHeight: height });
      const { account, nodeKey } = senderOf(state, missing) as Exclude<
        ReturnType<typeof senderOf>,
        Refusal
      >;
      noteNeglect(ctx, FAULT.duty, validator, nodeKey ?? accountKey(account));
    },
  });
}
