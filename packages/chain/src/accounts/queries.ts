import { address, bytes32, list, record, text, u64, u128 } from '@palisade/core';
import { answer, MAX_PAGE, query } from '../module/query.ts';
import { chainParams, params } from '../params.ts';
import {
  balances,
  flows,
  holds,
  MAX_NAME,
  nodeKeyRecord,
  nodeKeys,
  nonces,
  supplies,
} from './state.ts';

export const accountQuery = query({
  name: 'accounts.account',
  doc: 'Nonce, balances and holds of an account.',
  params: record('AccountQuery', { address }),
  result: record('AccountView', {
    nonces: list(record('NonceView', { lane: text(MAX_NAME), next: u64 }), MAX_PAGE),
    balances: list(
      record('BalanceView', { denom: text(MAX_NAME), free: u128, held: u128 }),
      MAX_PAGE,
    ),
    holds: list(record('HoldView', { purpose: text(2 * MAX_NAME), amount: u128 }), MAX_PAGE),
  }),
});

export const nodeKeyQuery = query({
  name: 'accounts.node-key',
  doc: 'The account that a machine key acts for, and its nonce.',
  params: record('NodeKeyQuery', { nodeKey: bytes32 }),
  result: nodeKeyRecord,
});

export const paramsQuery = query({
  name: 'accounts.params',
  doc: 'Fees, existential deposit and session length.',
  params: record('ParamsQuery', {}),
  result: chainParams,
});

export const supplyQuery = query({
  name: 'accounts.supply',
  doc: 'Issuance per denomination, with what was minted and burned by whom.',
  params: record('SupplyQuery', {}),
  result: record('SupplyView', {
    supplies: list(
      record('SupplyLine', { denom: text(MAX_NAME), genesis: u128, minted: u128, burned: u128 }),
      MAX_PAGE,
    ),
    flows: list(record('FlowLine', { name: text(3 * MAX_NAME), amount: u128 }), MAX_PAGE),
  }),
});

function* firstPage<T>(items: Iterable<T>): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === MAX_PAGE) return;
    yield item;
  }
}

export const accountQueries = [
  answer(accountQuery, (state, { address: who }) => ({
    nonces: [...firstPage(nonces.list(state, who))].map(([[, lane], next]) => ({ lane, next })),
    balances: [...firstPage(balances.list(state, who))].map(([[, denom], balance]) => ({
      denom,
      ...balance,
    })),
    holds: [...firstPage(holds.list(state, who))].map(([[, purpose], amount]) => ({
      purpose,
      amount,
    })),
  })),
  answer(nodeKeyQuery, (state, { nodeKey }) => nodeKeys.get(state, nodeKey)),
  answer(paramsQuery, (state) => params.get(state)),
  answer(supplyQuery, (state) => ({
    supplies: [...firstPage(supplies.list(state))].map(([[denom], supply]) => ({
      denom,
      ...supply,
    })),
    flows: [...firstPage(flows.list(state))].map(([[name], amount]) => ({ name, amount })),
  })),
];
