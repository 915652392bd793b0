/**
 * What a command has at hand: settings, connection, account, and a place to speak. Everything is
 * opened when it is first asked for, so that `palisade keys list` needs no network.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ChainClient,
  connect,
  type DirectoryData,
  type MarketClient,
  openMarket,
  parseDirectory,
} from '@palisade/client';
import { fromHex, PalisadeError, toHex } from '@palisade/core';
import { atomicWrite, type Config, ensureDir } from '@palisade/daemon/base';
import pc from 'picocolors';
import { voucherFolder } from '../files/vouchers.ts';
import { formatSize } from '../terminal/amounts.ts';
import {
  noProgress,
  type Progress,
  progressBar,
  progressLines,
  type Show,
} from '../terminal/progress.ts';
import type { World } from '../terminal/world.ts';
import { accountKeys, accountOf, anonymous, type NamedAccount, unlockAccount } from './account.ts';
import { type CliConfig, readConfig } from './config.ts';
import { type Home, homeOf } from './home.ts';
import { type DevelopmentNetwork, readNetworkFile } from './network-file.ts';

export type Options = Readonly<Record<string, unknown>> & { readonly json?: true | undefined };

export class Session {
  readonly world: World;
  readonly home: Home;
  readonly isJson: boolean;
  readonly paint: ReturnType<typeof pc.createColors>;
  readonly #options: Options;
  #config: Config<CliConfig> | undefined;
  #network: DevelopmentNetwork | undefined;
  #chain: ChainClient | undefined;
  #account: Promise<NamedAccount> | undefined;
  #cacheFile: string | undefined;

  constructor(world: World, options: Options) {
    this.world = world;
    this.home = homeOf(world);
    this.isJson = options.json === true;
    this.paint = pc.createColors(world.hasColor && !this.isJson);
    this.#options = options;
  }

  get config(): CliConfig {
    return this.#loaded().value;
  }

  /** Connects to the network that flags, variables, a development network or the settings name. */
  get chain(): ChainClient {
    this.#chain ??= this.#connect();
    return this.#chain;
  }

  /** The account that pays and signs. */
  account(): Promise<NamedAccount> {
    this.#account ??= this.#openAccount();
    return this.#account;
  }

  async market(): Promise<MarketClient> {
    const keepVoucher = voucherFolder(this.home.vouchers);
    return openMarket(this.chain, { ...(await this.account()), keepVoucher });
  }

  /** For reading: by the account if there is one, else by nobody in particular. */
  async reader(): Promise<MarketClient> {
    const { chain } = this;
    const isNobody = !this.#network && (await accountKeys(this.home)).length === 0;
    return openMarket(chain, isNobody ? anonymous() : await this.account());
  }

  /** Says something to a person; never part of the result. */
  note(text: string): void {
    if (!this.isJson) this.world.stderr(`${text}\n`);
  }

  progress(label: string, show: Show = formatSize): Progress {
    if (this.isJson) return noProgress;
    const begin = this.world.isTerminal ? progressBar : progressLines;
    return begin(this.world, label, show);
  }

  /** Asks a person to agree, unless `--yes` was given or nobody is there. */
  async agreed(question: string): Promise<boolean> {
    if (this.#options.yes === true || !this.world.isTerminal || this.isJson) return true;
    const answer = await this.world.ask(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  }

  /** Remembers the validators for the next time. */
  async close(): Promise<void> {
    if (!this.#cacheFile || !this.#chain) return;
    const data = this.#chain.directory.export();
    if (data.validators.length === 0) return;
    await ensureDir(this.home.cache);
    await atomicWrite(this.#cacheFile, `${JSON.stringify(data)}\n`);
  }

  #loaded(): Config<CliConfig> {
    this.#config ??= readConfig(this.world, this.home, this.#options);
    return this.#config;
  }

  #connect(): ChainClient {
    const { value, origins } = this.#loaded();
    const { environment = {} } = this.world;
    const origin = origins.url ?? 'default';
    const network = readNetworkFile(this.home);
    const isOrdered = origin.startsWith('flag:') || origin.startsWith('env:');
    const isDevelopment =
      network && (!isOrdered || value.url.some((url) => network.urls.includes(url)));
    if (isDevelopment) {
      this.#network = network;
      const urls = isOrdered ? value.url : network.urls;
      return connect({ urls, genesisHash: network.genesisHash, environment });
    }
    if (value.url.length === 0) throw noNetwork();
    const { genesisHash } = value;
    const directory = this.#cached(value.url);
    return connect({
      urls: value.url,
      environment,
      ...(directory ? { directory } : {}),
      ...(genesisHash ? { genesisHash: fromHex(genesisHash) } : {}),
    });
  }

  #cached(urls: readonly string[]): DirectoryData | undefined {
    const name = createHash('sha256').update(urls.join('\n')).digest('hex').slice(0, 16);
    this.#cacheFile = join(this.home.cache, `validators-${name}.json`);
    try {
      return parseDirectory(JSON.parse(readFileSync(this.#cacheFile, 'utf8')));
    } catch {
      return undefined; // none yet, or spoilt: it is made again
    }
  }

  async #openAccount(): Promise<NamedAccount> {
    void this.chain; // whether this is a development network is known then
    const { value, origins } = this.#loaded();
    const isChosen = value.key !== undefined && origins.key !== 'default';
    if (!this.#network || isChosen) return unlockAccount(this.world, this.home, value);
    const account = accountOf('development', this.#network.secret);
    this.note(
      this.paint.dim(`Using the funded account ${account.address} of the development network.`),
    );
    return account;
  }
}

function noNetwork(): PalisadeError {
  return new PalisadeError({
    code: 'cli/no-network',
    message: 'No network is known: none runs here, and no validator was named.',
    next: 'Start one with `palisade devnet`, or name a validator with --url or PALISADE_URL.',
  });
}

/** Bytes as the JSON of results shows them, and amounts as decimal text. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, plainJson(part)]),
  );
}
