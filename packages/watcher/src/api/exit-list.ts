/** All exits that a watcher knows, ended ones included, with their state and how dangerous each is. */
import { toHex } from '@palisade/core';
import { type RpcMethod, RpcPage, rpcMethod } from '@palisade/daemon';
import * as z from 'zod';
import { dangerOf } from '../danger/levels.ts';
import { DETAILS_OF_EXIT, type ExitEvent } from '../exits/findings.ts';
import type { Exit } from '../exits/records.ts';
import type { Watch } from '../watch/watch.ts';
import { PAGE_LIMIT, paging } from './shapes.ts';

export function exitListMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'exit.all': rpcMethod(
      z.object({ open: z.boolean().default(false), ...paging(PAGE_LIMIT.transactions) }),
      ({ open, page, limit }) => {
        const { table, findings } = watch;
        const all: Exit[] = open ? [...table.open()] : [...table.all()];
        all.sort((a, b) => b.startedAt - a.startedAt || (a.exitId < b.exitId ? -1 : 1));
        const found = eventsByExit(findings.events);
        const shown = all.slice((page - 1) * limit, page * limit);
        return new RpcPage(
          shown.map((exit) => entryOf(exit, found.get(subjectOf(exit)) ?? [])),
          page,
          limit,
        );
      },
    ),
  };
}

/** What events name an exit by. */
function subjectOf(exit: Exit): string {
  return exit.kind === 'standard' ? `${exit.position}` : toHex(exit.raw);
}

function eventsByExit(events: readonly ExitEvent[]): Map<string, ExitEvent['event'][]> {
  const found = new Map<string, ExitEvent['event'][]>();
  for (const { event, details } of events)
    for (const member of DETAILS_OF_EXIT) {
      const subject = details[member];
      if (subject === undefined) continue;
      found.set(`${subject}`, [...(found.get(`${subject}`) ?? []), event]);
    }
  return found;
}

function entryOf(exit: Exit, events: readonly ExitEvent['event'][]) {
  // What has ended is history: an output that exits again has an exit of its own.
  const current = exit.status === 'open' || events.includes('invalid_finalization') ? events : [];
  const entry = {
    ...{ kind: exit.kind, exit_id: exit.exitId, state: exit.status },
    danger: dangerOf(current).level,
    events: [...new Set(current)],
    eth_height: exit.startedAt,
    scheduled_finalization_time: exit.finalizesAt ?? null,
  };
  if (exit.kind === 'standard')
    return {
      ...{ ...entry, utxo_pos: exit.position, owner: toHex(exit.owner) },
      ...{ currency: toHex(exit.token), amount: exit.amount },
    };
  return {
    ...{ ...entry, txhash: toHex(exit.txHash), txbytes: toHex(exit.raw) },
    is_canonical: exit.canonical,
    piggybacked_inputs: [...exit.piggybackedInputs.keys()],
    piggybacked_outputs: [...exit.piggybackedOutputs.keys()],
  };
}
