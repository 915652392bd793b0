/** The contracts of the root chain: where they are, and their interfaces with types. */
import type { Abi, Address } from 'viem';
import { z } from 'zod';
import { authorityAbi } from './generated/authority.ts';
import { erc20VaultAbi } from './generated/erc20-vault.ts';
import { ethVaultAbi } from './generated/eth-vault.ts';
import { exitGameAbi } from './generated/exit-game.ts';
import { frameworkAbi } from './generated/framework.ts';

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'not an address: 0x and 40 hex digits')
  .transform((text) => text.toLowerCase() as Address);

/**
 * Where one child chain's contracts are. `deployedAt` is the root-chain block from which on their logs
 * are read; `authority` is absent where a single account submits blocks.
 */
export const rootContractsSchema = z.strictObject({
  chainId: z.int().positive(),
  deployedAt: z.coerce.bigint().nonnegative(),
  framework: address,
  ethVault: address,
  erc20Vault: address,
  exitGame: address,
  authority: address.optional(),
});

/** Addresses of the contracts; in JSON, `deployedAt` is a number or a decimal string. */
export type RootContracts = Readonly<z.output<typeof rootContractsSchema>>;

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
