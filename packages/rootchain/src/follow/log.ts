import type { Abi, Address, ContractEventArgsFromTopics, ContractEventName, Hex } from 'viem';
import type { Contract } from '../contracts.ts';

/** Contracts whose logs are followed, by the name under which the logs are handed out. */
export type Sources = Readonly<Record<string, Contract<Abi>>>;

/** Where a log lies; `height` and `index` order logs, and together name one. */
export type LogPlace = {
  readonly address: Address;
  readonly height: bigint;
  readonly blockHash: Hex;
  readonly transaction: Hex;
  /** Place in the block. */
  readonly index: number;
};

/** A decoded log: `source` and `name` tell the type of `args`. */
export type RootLog<S extends Sources> = {
  readonly [K in keyof S & string]: {
    readonly [N in ContractEventName<S[K]['abi']>]: LogPlace & {
      readonly source: K;
      readonly name: N;
      readonly args: ContractEventArgsFromTopics<S[K]['abi'], N, true>;
    };
  }[ContractEventName<S[K]['abi']>];
}[keyof S & string];
