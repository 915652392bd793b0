/** What the reference watcher of exits does, and should not: the fourteen of the payments chapter. */
const EXITS = 'packages/watcher/src/exits';
const STORIES = `${EXITS}/exits.test.ts`;
const WATCHER = 'packages/watcher/test/watcher.test.ts';
const REFERENCE = 'packages/watcher/test/reference.test.ts';

export const MISTAKES = [
  {
    id: '1',
    title: 'a challenged piggyback that is placed again counts as challenged',
    edits: [
      {
        file: `${EXITS}/exit-table.ts`,
        from: `(exit) => ({
      [\`piggybacked\${side}\`]: new Map([...exit[\`piggybacked\${side}\`], [index, height]]),
    })`,
        to: `(exit) => exit[\`closed\${side}\`].has(index) ? {} : ({
      [\`piggybacked\${side}\`]: new Map([...exit[\`piggybacked\${side}\`], [index, height]]),
    })`,
      },
    ],
    test: { file: WATCHER, name: 'its piggyback is challenged, each time it is placed' },
  },
  {
    id: '2',
    title: 'an exit that was challenged, omitted and started again is the old one',
    edits: [
      {
        file: `${EXITS}/exit-table.ts`,
        from: '    this.exitOfPosition.set(utxoPos, exitId);\n',
        to: `    if (this.standard.has(exitId)) return;
    this.exitOfPosition.set(utxoPos, exitId);\n`,
      },
    ],
    test: { file: WATCHER, name: 'challenged, omitted and started again is judged anew' },
  },
  {
    id: '3',
    title:
      'ExitOmitted is not read: an exit whose output was paid by another stays open, and invalid',
    edits: [
      {
        file: `${EXITS}/judge-standard.ts`,
        from: ' || table.wasPaid(exit)',
        to: '',
      },
      {
        file: `${EXITS}/exit-table.ts`,
        from: "      ExitOmitted: ({ event }) => this.endStandard(event.exitId, 'omitted'),\n",
        to: '',
      },
    ],
    test: {
      file: REFERENCE,
      name: 'omitted because an in-flight exit of the same output paid first',
    },
  },
  {
    id: '4',
    title: 'an in-flight exit that ends without an event goes on: its record is not asked for',
    edits: [
      {
        file: `${EXITS}/judge-in-flight.ts`,
        from: '  if (tip && !tip.exists) return [];\n',
        to: '',
      },
    ],
    test: {
      file: `${EXITS}/exits.property.test.ts`,
      name: 'when the newest block of the root chain has them no more',
    },
  },
  {
    id: '5',
    title: 'a piggyback is late by the start of the exit that it joins',
    edits: [
      {
        file: `${EXITS}/judge-in-flight.ts`,
        from: 'const since = exit.piggybackedInputs.get(index) ?? exit.startedAt;',
        to: 'const since = exit.startedAt;',
      },
    ],
    test: { file: REFERENCE, name: 'a piggyback is late by its own time' },
  },
  {
    id: '6',
    title: 'the transaction of a deleted in-flight exit is forgotten',
    edits: [
      {
        file: `${EXITS}/exit-table.ts`,
        from: "({ event }) => this.endInFlight(event.exitId, 'deleted'),",
        to: `({ event }) => {
        for (const { position } of this.inFlight.get(event.exitId)?.inputs ?? [])
          this.shown.delete(position);
        this.endInFlight(event.exitId, 'deleted');
      },`,
      },
    ],
    test: { file: REFERENCE, name: 'its transaction challenges an exit of its input' },
  },
  {
    id: '7',
    title: 'a wrong canonicity challenge is never late',
    edits: [
      {
        file: `${EXITS}/judge-in-flight.ts`,
        from: `  if (late.length > 0)
    events.push({ event: what.late`,
        to: `  if (late.length > 0 && name !== 'invalid_ife_challenge')
    events.push({ event: what.late`,
      },
    ],
    test: { file: REFERENCE, name: 'a lie about canonicity that nobody answers is late, too' },
  },
  {
    id: '8',
    title: 'deleting an in-flight exit spends its inputs in the ledger',
    edits: [
      {
        file: `${EXITS}/exit-table.ts`,
        from: "    if (event.name === 'ExitFinalized') {\n",
        to: `    if (event.name === 'InFlightExitDeleted') {
      const exit = this.inFlight.get(event.exitId);
      const consumed = exit?.inputs.map(({ position }) => position) ?? [];
      return { exitId: event.exitId, paid: [], consumed };
    }
    if (event.name === 'ExitFinalized') {\n`,
      },
    ],
    test: { file: REFERENCE, name: 'a deleted in-flight exit takes nothing out of the ledger' },
  },
  {
    id: '9',
    title: 'the first cause for alarm ends the judging of what comes after it',
    edits: [
      {
        file: `${EXITS}/judge.ts`,
        from: '  for (const exit of exits) findings.push(...judgeExit(judgement, exit));\n',
        to: `  for (const exit of exits) {
    findings.push(...judgeExit(judgement, exit));
    if (findings.some(({ late }) => late.length > 0)) break;
  }\n`,
      },
    ],
    test: { file: STORIES, name: 'catching up finds all of them' },
  },
  {
    id: '10',
    title: 'an in-flight exit whose input is a deposit that was spent is not supported',
    edits: [
      {
        file: 'packages/watcher/src/api/exit-methods.ts',
        from: '  const proven = inputs.map((input) => transactions.proven(input));\n',
        to: `  const proven = inputs.map((input) =>
    (input / 10n ** 9n) % 1000n !== 0n && !spentDeposits.ledger.has(input)
      ? undefined
      : transactions.proven(input),
  );\n`,
      },
      {
        file: 'packages/watcher/src/api/exit-methods.ts',
        from: 'function inFlightData({ transactions, parts }: Watch,',
        to: 'function inFlightData({ transactions, parts, books: spentDeposits }: Watch,',
      },
    ],
    test: { file: REFERENCE, name: 'whose input is a deposit that was spent' },
  },
  {
    id: '11a',
    title: 'an answer of the root chain that is no JSON ends the following for good',
    edits: [
      {
        file: 'packages/rootchain/src/rpc/patient.ts',
        from: 'if (signal?.aborted || !isTrouble(error)) throw error;',
        to: "if (signal?.aborted || !isTrouble(error) || error.code === 'rootchain/garbage') throw error;",
      },
    ],
    test: {
      file: 'packages/rootchain/src/follow/follow.faults.test.ts',
      name: 'is asked again for ever when it html,',
    },
  },
  {
    id: '11b',
    title: 'a log that a node left out is never missed',
    edits: [
      {
        file: 'packages/rootchain/src/follow/read-batch.ts',
        from: '  if (counted) await compareCounters(reading, checkpoint);\n',
        to: '',
      },
    ],
    test: {
      file: 'packages/rootchain/src/follow/follow.faults.test.ts',
      name: 'hands out nothing false while the node forgets the last log',
    },
  },
  {
    id: '12a',
    title: 'each log of an exit costs a question of its own',
    edits: [
      {
        file: 'packages/rootchain/src/follow/read-batch.ts',
        from: '  const logs = raw.map((log) => decode(sources, log));\n',
        to: `  const logs = raw.map((log) => decode(sources, log));
  for (const log of raw) await header(reading, log.blockNumber);\n`,
      },
    ],
    test: {
      file: 'packages/rootchain/src/follow/follow.test.ts',
      name: 'asks a number of questions that does not grow with the logs of a batch',
    },
  },
  {
    id: '12b',
    title: 'the outputs of an address are found by a search over all',
    edits: [
      {
        file: 'packages/payments/src/ledger/ledger.ts',
        from: `    const who = this.owners.find(owner);
    let at = who < 0 ? 0 : this.owners.note(who);
    for (; at > 0;`,
        to: `    for (const placed of this.outputs()) {
      if (placed.output.owner.every((byte, i) => byte === owner[i])) yield placed;
    }
    let at = 0;
    for (; at > 0;`,
      },
    ],
    test: {
      file: 'packages/payments/src/ledger/ledger.test.ts',
      name: 'finds the outputs of an owner without a search',
    },
  },
  {
    id: '13',
    title: 'integers of requests beyond 2^53 are rounded',
    edits: [
      {
        file: 'packages/daemon/src/rpc/server.ts',
        from: '    const value = parseExactJson(text);\n',
        to: `    const value = JSON.parse(text, (_, one) =>
      typeof one === 'number' ? BigInt(Math.trunc(one)) : one,
    );\n`,
      },
    ],
    test: {
      file: 'packages/daemon/src/rpc/server.test.ts',
      name: 'with exact integers in and out',
    },
  },
  {
    id: '14',
    title: 'a watcher starts whose challenger is a contract, which 2 300 gas may not pay',
    edits: [
      {
        file: 'packages/watcher/src/watcher.ts',
        from: "  if (code !== undefined && code !== '0x') throw isContract(account.address);\n",
        to: '',
      },
    ],
    test: { file: WATCHER, name: 'refuses to challenge from a contract' },
  },
];
