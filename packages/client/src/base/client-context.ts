/** What a client remembers: the chain it talks to, its validators, its parameters. */
import { type ChainParams, paramsQuery } from '@palisade/chain/schema';
import { type Domain, equalBytes, type PalisadeError, signingDomain, toHex } from '@palisade/core';
import { type Status, statusReader } from './answers.ts';
import { Directory, type Validator } from './directory.ts';
import type { DirectoryData } from './directory-data.ts';
import { type Environment, environment } from './environment.ts';
import { asClientError, clientError } from './errors.ts';
import { requestJson } from './http.ts';
import { DEFAULT_POLICY, DEVELOPMENT_POLICY, type ReachPolicy } from './reach.ts';
import { ask, type Question, query } from './requests.ts';
import type { SendingContext } from './sending.ts';

export type ConnectOptions = {
  /** Base URLs of validators to begin with; one that answers is enough. */
  readonly urls: readonly string[];
  /** Genesis hash (32 bytes) of the chain that is meant; by default that of whoever answers first. */
  readonly genesisHash?: Uint8Array;
  /** A directory from an earlier session. */
  readonly directory?: DirectoryData;
  /** By default 6 s an attempt, 2 s on chains with blocks of up to 2 s. */
  readonly policy?: ReachPolicy;
  readonly environment?: Partial<Environment>;
};

/** What a validator said of itself just now, or why it did not. */
export type Probe = { readonly validator: Validator } & (
  | { readonly status: Status; readonly error?: undefined }
  | { readonly error: PalisadeError; readonly status?: undefined }
);

/** Up to this block time a chain is taken for a development network, where everything is quicker. */
const QUICK_BLOCK_MS = 2000;

/** Learns from every status; `floor` is the highest block that holds something of ours. */
export class ClientContext implements SendingContext {
  readonly directory: Directory;
  readonly env: Environment;
  policy: ReachPolicy;
  floor = 0n;
  readonly #fixedPolicy: boolean;
  #domain: Domain | undefined;
  #params: ChainParams | undefined;
  #blockTimeMs: number | undefined;

  constructor({ urls, directory, policy, environment: parts, genesisHash }: ConnectOptions) {
    this.directory = new Directory(urls, directory);
    this.env = environment(parts);
    this.policy = policy ?? DEFAULT_POLICY;
    this.#fixedPolicy = policy !== undefined;
    if (genesisHash) this.#domain = signingDomain(genesisHash);
  }

  async status(): Promise<Status> {
    const question: Question<Status> = {
      path: '/status',
      reader: statusReader,
      check: (status, validator) => this.#learn(status, validator),
    };
    const [answer] = await ask(this, question, { what: 'a status' });
    return answer!.value;
  }

  async probe(): Promise<readonly Probe[]> {
    return Promise.all(this.directory.list().map((validator) => this.#probeOne(validator)));
  }

  async #probeOne(validator: Validator): Promise<Probe> {
    const { url, key } = validator;
    const started = this.env.nowMs();
    try {
      const request = { url: `${url}/status`, timeoutMs: this.policy.timeoutMs };
      const status = this.#learn(await requestJson(this.env, request, statusReader), validator);
      this.directory.noteAnswer(toHex(status.nodeKey), this.env.nowMs() - started);
      return { validator: this.directory.find(status.nodeKey) ?? validator, status };
    } catch (thrown) {
      this.directory.noteFailure(key);
      return { validator, error: asClientError(thrown, url) };
    }
  }

  async domain(): Promise<Domain> {
    // A pinned chain is checked as well: signing for one that nobody runs helps nobody.
    if (this.#blockTimeMs === undefined) await this.status();
    return this.#domain!;
  }

  async params(fresh = false): Promise<ChainParams> {
    if (fresh || !this.#params) this.#params = await query(this, paramsQuery, {}, this.floor);
    return this.#params;
  }

  async blockTimeMs(): Promise<number> {
    if (this.#blockTimeMs === undefined) await this.status();
    return this.#blockTimeMs!;
  }

  sawBlock(height: bigint): void {
    if (height > this.floor) this.floor = height;
  }

  #learn(status: Status, { url }: Validator): Status {
    const found = signingDomain(status.genesisHash);
    this.#domain ??= found;
    if (!equalBytes(this.#domain.genesisHash, status.genesisHash))
      throw clientError(
        'client/other-chain',
        `${url} runs another chain: its genesis hash is ${toHex(status.genesisHash)}, not ${toHex(this.#domain.genesisHash)}.`,
        { next: 'Connect to a validator of the right chain, or forget the old one.' },
      );
    const { nodeKey, name, seat } = status;
    const own = status.directory.find((line) => equalBytes(line.nodeKey, nodeKey));
    const weight = own?.weight;
    this.directory.identify(url, { nodeKey, url, name, seat, ...(weight ? { weight } : {}) });
    this.directory.hear(
      status.directory.map(({ weight: votes, ...line }) => ({
        ...line,
        ...(votes === undefined ? {} : { weight: votes }),
      })),
    );
    this.#blockTimeMs = status.blockTimeMs;
    if (!this.#fixedPolicy)
      this.policy = status.blockTimeMs <= QUICK_BLOCK_MS ? DEVELOPMENT_POLICY : DEFAULT_POLICY;
    return status;
  }
}
