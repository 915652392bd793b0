import { createRequire } from 'node:module';
import { type Abi, toEventHash, toEventSignature, toFunctionSelector, zeroAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { bindingsV1 } from './contracts-v1.ts';

type Item = Abi[number];
const need = createRequire(import.meta.url);
/** Interfaces as they were published with the network's client (a development dependency). */
const published = (name: string) =>
  (need(`@omisego/omg-js-rootchain/src/contracts/${name}.json`) as { readonly abi: Abi }).abi;

const { framework, ethVault, erc20Vault, exitGame } = bindingsV1({
  ...{ chainId: 1, deployedAt: 1n, framework: zeroAddress, ethVault: zeroAddress },
  ...{ erc20Vault: zeroAddress, exitGame: zeroAddress },
});
const PAIRS = [
  [framework.abi as Abi, published('PlasmaFramework')],
  [ethVault.abi as Abi, published('EthVault')],
  [erc20Vault.abi as Abi, published('Erc20Vault')],
  [exitGame.abi as Abi, published('PaymentExitGame')],
] as const;

/** Members with their types, all the way down; names of structs and what costs nothing on the wire aside. */
function shape(parameters: readonly unknown[] | undefined): unknown {
  return (parameters ?? []).map((one) => {
    const { name, type, indexed, components } = one as Record<string, never>;
    return { name, type, indexed: indexed ?? false, components: shape(components) };
  });
}

/** What decides how a log or a call is read. */
function line(item: Item): unknown {
  if (item.type === 'event')
    return [toEventHash(toEventSignature(item)), item.name, shape(item.inputs)];
  if (item.type !== 'function') return undefined;
  const inputs = shape(item.inputs) as readonly Readonly<Record<string, unknown>>[];
  // Callers of a function name the members of its structs, not the struct.
  const outputs = shape(item.outputs) as readonly Readonly<Record<string, unknown>>[];
  const unnamed = outputs.map(({ name: _, ...rest }) => rest);
  return [toFunctionSelector(item), item.name, inputs.map(({ name: _, ...rest }) => rest), unnamed];
}

describe('interfaces of the first version', () => {
  it('[X16] have every event that was published, and functions that were, member by member', () => {
    for (const [ours, theirs] of PAIRS) {
      const known = theirs.map(line);
      for (const item of ours) expect(known).toContainEqual(line(item));
      const events = (abi: Abi) =>
        abi.filter(({ type }) => type === 'event').map((item) => toEventHash(item as never));
      expect(new Set(events(ours))).toEqual(new Set(events(theirs)));
    }
  });
});
