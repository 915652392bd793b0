/** Mistakes of a public predecessor of power and sectors. */
const SECTORS = 'packages/power/src/sectors';
const SECTORS_TEST = `${SECTORS}/sectors.test.ts`;
const POWER_TEST = 'packages/power/src/predecessor.test.ts';

export const MISTAKES = [
  {
    id: 'a',
    title: 'the sweep over late pre-commits stops at the first miner that owes nothing',
    edits: [
      {
        file: `${SECTORS}/block.ts`,
        from: '    settleDue(ctx, power, miner, kind, number);\n',
        to: `    if (kind === DUE.unproven && !preCommits.get(state, miner, number)) return;
    settleDue(ctx, power, miner, kind, number);\n`,
      },
    ],
    test: { file: SECTORS_TEST, name: 'predecessor mistake a:' },
  },
  {
    id: 'b',
    title: 'what was never proven costs its deposit at the end of the sector only',
    edits: [
      {
        file: `${SECTORS}/commands/pre-commit.ts`,
        from: 'owe(ctx, BigInt(current.maxProveBlocks), miner, DUE.unproven, number);',
        to: 'owe(ctx, expires - height, miner, DUE.unproven, number);',
      },
    ],
    test: { file: SECTORS_TEST, name: 'predecessor mistake b:' },
  },
  {
    id: 'c',
    title: 'a deposit is slashed, and withdrawn from the account once more',
    edits: [
      {
        file: `${SECTORS}/collateral.ts`,
        from: 'import { burnHeld,',
        to: 'import { burn, burnHeld,',
      },
      {
        file: `${SECTORS}/collateral.ts`,
        from: "  if (deposit > 0n) burnHeld(state, miner, DEPOSIT, deposit, 'sectors.unproven');\n",
        to: `  if (deposit > 0n) burnHeld(state, miner, DEPOSIT, deposit, 'sectors.unproven');
  if (deposit > 0n) burn(state, miner, deposit, 'sectors.unproven');\n`,
      },
    ],
    test: { file: SECTORS_TEST, name: 'predecessor mistake c:' },
  },
  {
    id: 'c-bond',
    title: "a collator's bond is slashed, and withdrawn from the account once more",
    edits: [
      {
        file: 'packages/power/src/backing/slash.ts',
        from: 'import {\n  type BlockContext,\n',
        to: 'import {\n  type BlockContext,\n  burn,\n',
      },
      {
        file: 'packages/power/src/backing/slash.ts',
        from: "  burnHeld(state, ended.account, bondPurpose(nodeKey), amount, 'slash');\n",
        to: `  burnHeld(state, ended.account, bondPurpose(nodeKey), amount, 'slash');
  burn(state, ended.account, amount, 'slash');\n`,
      },
    ],
    test: { file: POWER_TEST, name: 'predecessor mistake c:' },
  },
  ...[
    ['d', 'a deposit', SECTORS_TEST],
    ['d-bond', 'a bond', POWER_TEST],
  ].map(([id, what, file]) => ({
    id,
    title: `${what} asks for all that the account has, not for what is free`,
    edits: [
      {
        file: 'packages/chain/src/accounts/ledger.ts',
        from: `): Refusal | undefined {
  const { free } = balanceOf(state, account, denom);
  return free < amount ?`,
        to: `): Refusal | undefined {
  const { free: own, held } = balanceOf(state, account, denom);
  const free = own + held;
  return free < amount ?`,
      },
    ],
    test: { file, name: 'predecessor mistake d:' },
  })),
  {
    id: 'e',
    title: 'a window asks for faulty sectors, too',
    edits: [
      {
        file: `${SECTORS}/partitions.ts`,
        from: '  return state !== MEMBER.faulty;\n',
        to: '  return state !== undefined;\n',
      },
    ],
    test: { file: SECTORS_TEST, name: 'predecessor mistake e:' },
  },
  {
    id: 'f',
    title: 'a fault that goes on costs nothing',
    edits: [
      {
        file: `${SECTORS}/block.ts`,
        from: '    if (faults >= 1) takeFaultFee(ctx, current, place.miner, number);\n',
        to: '',
      },
    ],
    test: { file: SECTORS_TEST, name: 'predecessor mistake f:' },
  },
  {
    id: 'g',
    title: 'a closing deadline looks at the partitions of all deadlines',
    edits: [
      {
        file: `${SECTORS}/block.ts`,
        from: `  for (const [[, miner, index], partition] of [...partitions.list(ctx.state, BigInt(deadline))])
    closePartition(`,
        to: `  for (const [[at, miner, index], partition] of [...partitions.list(ctx.state)])
    if (at === BigInt(deadline)) closePartition(`,
      },
    ],
    test: { file: `${SECTORS}/cost.test.ts`, name: 'predecessor mistake g:' },
  },
  {
    id: 'g-block',
    title: 'every block looks at all miners',
    edits: [
      {
        file: 'packages/power/src/module.ts',
        from: '        replaceSilent(ctx);\n',
        to: '        replaceSilent(ctx);\n        for (const _ of claims.list(ctx.state));\n',
      },
      {
        file: 'packages/power/src/module.ts',
        from: "import { totals } from './claims/claim.ts';",
        to: "import { claims, totals } from './claims/claim.ts';",
      },
    ],
    test: { file: POWER_TEST, name: 'predecessor mistake g:' },
  },
  {
    id: 'h',
    title: 'what a command costs was never measured: it weighs nothing',
    edits: [
      {
        file: 'packages/chain/src/accounts/charge.ts',
        from: '  return feeBase + feePerByte * BigInt(size);\n',
        to: '  return (feeBase + feePerByte * BigInt(size)) * 0n;\n',
      },
    ],
    test: { file: POWER_TEST, name: 'predecessor mistake h:' },
  },
];
