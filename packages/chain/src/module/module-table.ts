/** The tables of all modules as one: what the application looks up in them. */
import { type Catalogue, catalogue } from '@palisade/core';
import type { CommandHandler, Hooks, Module } from './module.ts';

export type ModuleTable = {
  readonly modules: readonly Module[];
  /** By the name of their command. */
  readonly handlers: ReadonlyMap<string, CommandHandler>;
  /** The commands that transactions can carry. */
  readonly known: Catalogue;
  /** In the order of the modules. */
  readonly hooks: readonly Hooks[];
  readonly provenStores: readonly string[];
};

export function moduleTable(modules: readonly Module[]): ModuleTable {
  const handlers = modules.flatMap((module) => module.commands ?? []);
  return {
    modules,
    handlers: new Map(handlers.map((handler) => [handler.declaration.name, handler])),
    known: catalogue(handlers.map(({ declaration }) => declaration)),
    hooks: modules.flatMap(({ hooks }) => (hooks ? [hooks] : [])),
    provenStores: modules.flatMap(({ provenStores }) => provenStores ?? []),
  };
}
