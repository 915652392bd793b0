/** Accounts, balances, fees and machine keys: what every other module stands on. */
import {
  address,
  bytes32,
  type Domain,
  digestOf,
  type Json,
  list,
  PalisadeError,
  record,
  text,
  u128,
} from '@palisade/core';
import type { Module } from '../module/module.ts';
import { chainParams, params } from '../params.ts';
import { bindNodeKeyHandler, nodeKeyConsent } from './commands/bind-node-key.ts';
import { revokeNodeKeyHandler } from './commands/revoke-node-key.ts';
import { sendHandler } from './commands/send.ts';
import { nodeKeyBound, nodeKeyRevoked } from './events.ts';
import { holdsAddUp, issuance } from './invariants.ts';
import { endow, hold } from './ledger.ts';
import { accountQueries } from './queries.ts';
import { isDenom, MAX_NAME, nodeKeyRecord, nodeKeys } from './state.ts';

/** Accounts of a genesis document at most: beyond it, a snapshot is the better start. */
const MAX_GENESIS_ACCOUNTS = 1 << 22;

export const accountsGenesis = record('AccountsGenesis', {
  params: chainParams,
  balances: list(
    record('GenesisBalance', { account: address, denom: text(MAX_NAME), amount: u128 }),
    MAX_GENESIS_ACCOUNTS,
  ),
  holds: list(
    record('GenesisHold', { account: address, purpose: text(MAX_NAME), amount: u128 }),
    MAX_GENESIS_ACCOUNTS,
  ),
  nodeKeys: list(record('GenesisNodeKey', { nodeKey: bytes32, binding: nodeKeyRecord }), 10_000),
});

export function accountsModule(domain: Domain): Module {
  const consentDigest = (account: Uint8Array) => digestOf(nodeKeyConsent, { account }, domain);
  return {
    name: 'accounts',
    commands: [sendHandler, bindNodeKeyHandler(consentDigest), revokeNodeKeyHandler],
    queries: accountQueries,
    events: [nodeKeyBound, nodeKeyRevoked],
    invariants: [issuance, holdsAddUp],
    hooks: {
      genesis({ state }, json: Json | undefined) {
        if (json === undefined) throw badGenesis('has no "accounts" section');
        const genesis = accountsGenesis.fromJson(json, 'accounts');
        params.set(state, [], genesis.params);
        for (const { account, denom, amount } of genesis.balances) {
          if (!isDenom(denom)) throw badGenesis(`names a denomination '${denom}'`);
          endow(state, account, amount, denom);
        }
        for (const { account, purpose, amount } of genesis.holds)
          hold(state, account, purpose, amount);
        for (const { nodeKey, binding } of genesis.nodeKeys)
          nodeKeys.set(state, [nodeKey], binding);
      },
    },
  };
}

function badGenesis(why: string): PalisadeError {
  return new PalisadeError({
    code: 'chain/bad-genesis',
    message: `The genesis document ${why}.`,
  });
}
