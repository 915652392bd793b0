/** Where the contracts of a child chain are: for those who only hand it on, without their interfaces. */
import type { Address } from 'viem';
import * as z from 'zod';

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
