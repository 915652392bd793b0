/**
 * Brings roots of child blocks to the root chain, signed by the hosted validators, one after the
 * other, and hands the authority over when seats have been given anew. Signatures of validators
 * that other processes host are not collected.
 */
import { activeValidators, currentSession } from '@palisade/chain';
import { PalisadeError, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { childBlocks } from '@palisade/payments';
import {
  type AuthorityKeys,
  type AuthorityMember,
  type AuthoritySession,
  authorityBinding,
  BATCH_BLOCKS,
  bindings,
  blockRootCall,
  publicClient,
  type RootContracts,
  type Rpc,
  rotationCall,
  type Sender,
  sortedMembers,
} from '@palisade/rootchain';
import type { Address, Hex } from 'viem';
import type { Pool } from '../services/pool.ts';

export type SubmitterParts = {
  readonly pool: Pool;
  readonly rpc: Rpc;
  readonly contracts: RootContracts;
  readonly sender: Sender;
  readonly keys: AuthorityKeys;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

export class Submitter {
  private readonly parts: SubmitterParts;
  private readonly client;
  private under: Promise<void> | undefined;
  private known: AuthoritySession | undefined;

  constructor(parts: SubmitterParts) {
    this.parts = parts;
    this.client = publicClient(parts.rpc, { signal: parts.signal });
  }

  /** With each block of this chain: submits what is due, unless that is under way. */
  look(): void {
    if (this.under || this.parts.signal.aborted) return;
    this.under = this.work()
      .catch((err: unknown) => {
        if (!this.parts.signal.aborted)
          this.parts.log.warn('a child block was not submitted; tried again', { err });
      })
      .finally(() => {
        this.under = undefined;
      });
  }

  async stop(): Promise<void> {
    await this.under;
  }

  private async work(): Promise<void> {
    const { pool, contracts, keys, log } = this.parts;
    const { framework } = bindings(contracts);
    const blknum = await this.client.readContract({ ...framework, functionName: 'nextChildBlock' });
    const record = childBlocks.get(pool.application.committed, blknum);
    if (!record) return;
    const current = await this.settle(await this.current());
    const root = toHex(record.root) as Hex;
    const data = await blockRootCall(current, { blknum, root }, keys);
    const outcome = await this.parts.sender.send({ to: current.contract, data });
    if (outcome.kind === 'mined') log.info('child block submitted', { blknum, root });
    else {
      this.known = undefined;
      log.warn('the authority did not take a child block', {
        ...{ blknum, root, outcome: outcome.kind },
        ...(outcome.kind === 'refused' ? { why: outcome.refusal.message } : {}),
      });
    }
  }

  /** The authority's session and set, as its last handover names them. */
  private async current(): Promise<AuthoritySession> {
    const { contracts } = this.parts;
    const authority = authorityBinding(contracts.authority!);
    const session = await this.client.readContract({ ...authority, functionName: 'session' });
    if (this.known?.session === session) return this.known;
    const members = await this.membersOf(session);
    const { chainId } = contracts;
    this.known = { contract: authority.address, chainId, session, members };
    return this.known;
  }

  /** From the newest blocks back, a part at a time: nodes refuse logs of many blocks, and handovers are often. */
  private async membersOf(session: bigint): Promise<readonly AuthorityMember[]> {
    const { authority, deployedAt } = this.parts.contracts;
    for (let to = await this.client.getBlockNumber(); to >= deployedAt; to -= BATCH_BLOCKS) {
      const from = to - BATCH_BLOCKS + 1n;
      const [log] = await this.client.getContractEvents({
        ...{ ...authorityBinding(authority!), eventName: 'ValidatorsRotated', args: { session } },
        ...{ fromBlock: from < deployedAt ? deployedAt : from, toBlock: to },
      });
      if (log) return log.args.validators!;
    }
    throw new PalisadeError({
      code: 'node/no-handover',
      message: `The root chain shows no handover of its authority to session ${session}: who may sign child blocks is not known.`,
      retry: 'later',
      next: 'Check that --root-chain names a node that keeps the logs of all blocks since the contracts were deployed.',
    });
  }

  /** Hands over when the present validators are others than those that the authority knows. */
  private async settle(current: AuthoritySession): Promise<AuthoritySession> {
    const { pool, keys, sender, log } = this.parts;
    const state = pool.application.committed;
    const members = sortedMembers(
      activeValidators(state).map(({ validator }): AuthorityMember => {
        const signer = toHex(validator.account) as Address;
        return { signer, votes: validator.weight };
      }),
    );
    const session = currentSession.get(state) ?? 0n;
    if (session <= current.session || wordsOf(members) === wordsOf(current.members)) return current;
    const next = { ...current, session, members };
    const data = await rotationCall(current, next, keys);
    const outcome = await sender.send({ to: current.contract, data });
    log.info('authority handed over', { session, outcome: outcome.kind });
    return outcome.kind === 'mined' ? next : current;
  }
}

function wordsOf(members: readonly AuthorityMember[]): string {
  return members.map(({ signer, votes }) => `${signer.toLowerCase()} ${votes}`).join();
}
