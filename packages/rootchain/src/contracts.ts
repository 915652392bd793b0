/** The contracts of the root chain: where they are, and their interfaces with types. */
import type { Abi, Address } from 'viem';
import { authorityAbi } from './generated/authority.ts';
import { erc20VaultAbi } from './generated/erc20-vault.ts';
import { ethVaultAbi } from './generated/eth-vault.ts';
import { exitGameAbi } from './generated/exit-game.ts';
import { frameworkAbi } from './generated/framework.ts';
import type { RootContracts } from './schema.ts';

/** Ids of the vaults in the framework's registry. */
export const ETH_VAULT_ID = 1n;
export const ERC20_VAULT_ID = 2n;
/** The token address that stands for ether. */
export const ETHER = '0x0000000000000000000000000000000000000000' as const;

/** A contract as viem's functions take it: `encodeFunctionData({ ...exitGame, functionName, args })`. */
export type Contract<A extends Abi> = { readonly address: Address; readonly abi: A };

/** Address and interface of each contract, by its name. */
export function bindings(contracts: RootContracts) {
  return {
    framework: { address: contracts.framework, abi: frameworkAbi },
    ethVault: { address: contracts.ethVault, abi: ethVaultAbi },
    erc20Vault: { address: contracts.erc20Vault, abi: erc20VaultAbi },
    exitGame: { address: contracts.exitGame, abi: exitGameAbi },
  } as const satisfies Readonly<Record<string, Contract<Abi>>>;
}

/** The validators' authority, where there is one. */
export function authorityBinding(address: Address): Contract<typeof authorityAbi> {
  return { address, abi: authorityAbi };
}
