/** Puts all contracts of a child chain on a root chain, wired: for development networks and tests. */
import { PalisadeError } from '@palisade/core';
import { type Abi, type Address, encodeDeployData, encodeFunctionData, type Hex } from 'viem';
import { type AuthorityMember, sortedMembers } from '../authority/authority.ts';
import { bindings, ERC20_VAULT_ID, ETH_VAULT_ID, ETHER } from '../contracts.ts';
import { authorityAbi, authorityBytecode } from '../generated/authority.ts';
import { erc20VaultAbi, erc20VaultBytecode } from '../generated/erc20-vault.ts';
import { ethVaultAbi, ethVaultBytecode } from '../generated/eth-vault.ts';
import { exitGameAbi, exitGameBytecode } from '../generated/exit-game.ts';
import { frameworkAbi, frameworkBytecode } from '../generated/framework.ts';
import { testTokenAbi, testTokenBytecode } from '../generated/test-token.ts';
import type { Receipt } from '../rpc/shapes.ts';
import type { RootContracts } from '../schema.ts';
import type { Sender } from '../send/sender.ts';

type Artifact = { readonly abi: Abi; readonly bytecode: Hex };
/** What is deployed. */
export type Artifacts = Readonly<
  Record<'framework' | 'ethVault' | 'erc20Vault' | 'exitGame', Artifact>
>;

const OURS: Artifacts = {
  framework: { abi: frameworkAbi, bytecode: frameworkBytecode },
  ethVault: { abi: ethVaultAbi, bytecode: ethVaultBytecode },
  erc20Vault: { abi: erc20VaultAbi, bytecode: erc20VaultBytecode },
  exitGame: { abi: exitGameAbi, bytecode: exitGameBytecode },
};

export type DeployOptions = {
  /** Pays, and is the maintainer of the contracts. */
  readonly sender: Sender;
  readonly chainId: number;
  /** Seconds; 600 is what development networks use, 604,800 is production's. */
  readonly minExitPeriodS: bigint;
  /** Who submits blocks: an account, or validators by their votes from a first session on. */
  readonly authority:
    | { readonly account: Address }
    | { readonly session: bigint; readonly validators: readonly AuthorityMember[] };
  /** Other contracts than ours, of the same constructors; for tests. */
  readonly artifacts?: Artifacts;
};

/** Transaction type of payments, and MoreVP, the protocol by which they count. */
const PAYMENT = 1n;
const MORE_VP = 2;
/** Vaults and exit games that need no quarantine: those that are there from the beginning, and one each. */
const IMMUNE = 2n;

/** Deploys and wires everything; a queue for ether is open afterwards. */
export async function deploy(options: DeployOptions): Promise<RootContracts> {
  const { sender, chainId, artifacts = OURS } = options;
  const first = 'account' in options.authority ? options.authority.account : sender.address;
  const framework = await create(sender, artifacts.framework, [
    options.minExitPeriodS,
    IMMUNE,
    IMMUNE,
    first,
    sender.address,
  ]);
  const at = framework.contractAddress!;
  const [ethVault, erc20Vault, exitGame] = await Promise.all([
    create(sender, artifacts.ethVault, [at]),
    create(sender, artifacts.erc20Vault, [at]),
    create(sender, artifacts.exitGame, [at]),
  ]);
  const authority =
    'account' in options.authority ? undefined : await handOver(sender, at, options.authority);
  const contracts: RootContracts = {
    chainId,
    deployedAt: framework.blockNumber,
    framework: at,
    ethVault: ethVault.contractAddress!,
    erc20Vault: erc20Vault.contractAddress!,
    exitGame: exitGame.contractAddress!,
    ...(authority === undefined ? {} : { authority }),
  };
  await wire(sender, contracts);
  return contracts;
}

/** A token that everybody can mint, with its exit queue. */
export async function deployTestToken(sender: Sender, contracts: RootContracts): Promise<Address> {
  const { contractAddress } = await create(
    sender,
    { abi: testTokenAbi, bytecode: testTokenBytecode },
    [],
  );
  await call(sender, contracts.framework, addQueue(ERC20_VAULT_ID, contractAddress!));
  return contractAddress!;
}

async function wire(sender: Sender, contracts: RootContracts): Promise<void> {
  const { framework } = bindings(contracts);
  const vault = (id: bigint, address: Address) =>
    encodeFunctionData({ ...framework, functionName: 'registerVault', args: [id, address] });
  const game = encodeFunctionData({
    ...framework,
    functionName: 'registerExitGame',
    args: [PAYMENT, contracts.exitGame, MORE_VP],
  });
  await Promise.all([
    call(sender, framework.address, vault(ETH_VAULT_ID, contracts.ethVault)),
    call(sender, framework.address, vault(ERC20_VAULT_ID, contracts.erc20Vault)),
    call(sender, framework.address, game),
  ]);
  await call(sender, framework.address, addQueue(ETH_VAULT_ID, ETHER));
}

async function handOver(
  sender: Sender,
  framework: Address,
  { session, validators }: { session: bigint; validators: readonly AuthorityMember[] },
): Promise<Address> {
  const { contractAddress } = await create(
    sender,
    { abi: authorityAbi, bytecode: authorityBytecode },
    [framework, session, sortedMembers(validators)],
  );
  const data = encodeFunctionData({
    abi: frameworkAbi,
    functionName: 'setAuthority',
    args: [contractAddress!],
  });
  await call(sender, framework, data);
  return contractAddress!;
}

function addQueue(vaultId: bigint, token: Address): Hex {
  return encodeFunctionData({
    abi: frameworkAbi,
    functionName: 'addExitQueue',
    args: [vaultId, token],
  });
}

function create(
  sender: Sender,
  { abi, bytecode }: Artifact,
  args: readonly unknown[],
): Promise<Receipt> {
  return done(sender, { data: encodeDeployData({ abi, bytecode, args }) });
}

async function call(sender: Sender, to: Address, data: Hex): Promise<void> {
  await done(sender, { to, data });
}

async function done(
  sender: Sender,
  transaction: { readonly to?: Address; readonly data: Hex },
): Promise<Receipt> {
  const outcome = await sender.send(transaction);
  if (outcome.kind === 'mined') return outcome.receipt;
  throw new PalisadeError({
    code: 'rootchain/deploy-failed',
    message: `A contract was not deployed: the transaction was ${outcome.kind}${
      outcome.kind === 'refused' ? ` (${outcome.refusal.message})` : ''
    }.`,
    next: 'Check that the account has ether and that the RPC address is of the chain you mean.',
  });
}
