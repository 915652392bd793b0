// Values that CometBFT publishes in its own tests and fixtures; the source stands with each.
import { fromHex, toHex, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { merkleRoot } from '../merkle.ts';
import { consensusParamsHash, headerHash } from './hashes.ts';
import type { Commit, Header, Validator } from './messages.ts';
import { NIL_BLOCK_ID } from './messages.ts';
import { DEFAULT_CONSENSUS_PARAMS } from './params.ts';
import { validatorAddress, voteSignBytes } from './sign-bytes.ts';
import { ZERO_TIME_NS } from './time.ts';
import { newValidatorSet, validatorSetHash } from './validator-set.ts';
import { verifyCommit } from './verify-commit.ts';

const hex = (text: string) => fromHex(text.toLowerCase());
const lower = (text: string) => `0x${text.toLowerCase()}`;
const base64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const timeNs = (text: string) => {
  const [whole, fraction = ''] = text.replace(/Z$/, '').split('.') as [string, string?];
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};
const NO_BYTES = new Uint8Array(0);

describe('published values of CometBFT', () => {
  it('header hash (types/block_test.go, TestHeaderHash)', () => {
    const hash = (text: string) => sha256(utf8(text));
    const header: Header = {
      version: { block: 1n, app: 2n },
      chainId: 'chainId',
      height: 3n,
      timeNs: timeNs('2019-10-13T16:14:44Z'),
      lastBlockId: {
        hash: new Uint8Array(32),
        partSetHeader: { total: 6, hash: new Uint8Array(32) },
      },
      lastCommitHash: hash('last_commit_hash'),
      dataHash: hash('data_hash'),
      validatorsHash: hash('validators_hash'),
      nextValidatorsHash: hash('next_validators_hash'),
      consensusHash: hash('consensus_hash'),
      appHash: hash('app_hash'),
      lastResultsHash: hash('last_results_hash'),
      evidenceHash: hash('evidence_hash'),
      proposerAddress: hash('proposer_address').slice(0, 20),
    };
    expect(toHex(headerHash(header))).toBe(
      '0xf740121f553b5418c3efbd343c2dbfe9e007bb67b0d020a0741374bab65242a4',
    );
  });

  it('vote sign bytes (types/vote_test.go, TestVoteSignBytesTestVectors)', () => {
    const time = '2a0b088092b8c398feffffff01';
    const place = '11010000000000000019 0100000000000000'.replace(' ', '');
    const cases = [
      ['', 'unknown', 0n, 0, `0d${time}`],
      ['', 'precommit', 1n, 1, `210802${place}${time}`],
      ['', 'prevote', 1n, 1, `210801${place}${time}`],
      ['', 'unknown', 1n, 1, `1f${place}${time}`],
      ['test_chain_id', 'unknown', 1n, 1, `2e${place}${time}320d746573745f636861696e5f6964`],
    ] as const;
    for (const [chainId, type, height, round, expected] of cases) {
      const vote = { type, height, round, blockId: NIL_BLOCK_ID, timeNs: ZERO_TIME_NS };
      expect(toHex(voteSignBytes(chainId, vote))).toBe(`0x${expected}`);
    }
  });

  it('merkle roots (crypto/merkle/tree_test.go, TestHashFromByteSlices)', () => {
    const cases: readonly (readonly [readonly number[][], string])[] = [
      [[[1, 2, 3]], '054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8'],
      [[[]], '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        '82e6cfce00453804379b53962939eaa7906b39904be0813fcadd31b100773c4b',
      ],
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
          [9, 10],
        ],
        'f326493eceab4f2d9ffbc78c59432a0a005d6ea98392045c74df5d14a113be18',
      ],
    ];
    for (const [leaves, root] of cases) {
      expect(toHex(merkleRoot(leaves.map((leaf) => new Uint8Array(leaf))))).toBe(`0x${root}`);
    }
  });

  it('consensus hash of the default parameters, as headers of live chains carry it', () => {
    expect(toHex(consensusParamsHash(DEFAULT_CONSENSUS_PARAMS))).toBe(
      '0x048091bc7ddc283f77bfbf91d73c44da58c3df8a9cbc867405d8b7f3daada22f',
    );
  });

  it('a commit of one validator (cometbft, types/testdata/seeds/fuzzvalsetcommit-17b96b27)', () => {
    const publicKey = base64('L2lD6cR6jNq+UM2XaS/bwP3NqImFw8zYd01FnODmQNg=');
    expect(toHex(validatorAddress(publicKey))).toBe(
      lower('2224569C1EC8B6B49534E01E82BB1CF514D33F5E'),
    );
    const set = newValidatorSet([{ publicKey, power: 10n }]);
    const blockId = {
      hash: hex('626C6F636B686173680000000000000000000000000000000000000000000000'),
      partSetHeader: {
        total: 1000,
        hash: hex('7061727473686173680000000000000000000000000000000000000000000000'),
      },
    };
    const commit: Commit = {
      height: 100n,
      round: 0,
      blockId,
      signatures: [
        {
          blockIdFlag: 'commit',
          validatorAddress: validatorAddress(publicKey),
          timeNs: timeNs('2023-12-14T07:46:39.357412Z'),
          signature: base64(
            'ufBxQXJqeIisMOYjJc6ekIcvTlGxvSVi39PZJ2kZQ0HShk5rBLKJL4wXfeWT/is2UgbYqkvLvVdrLNE4S+78Dw==',
          ),
        },
      ],
    };
    expect(verifyCommit('Lalande21185', set, blockId, 100n, commit)).toBeUndefined();
  });
});

// tendermint/tendermint, light/mbt/json/MC4_4_faulty_TestSuccess.json: the trusted header at height 1
// and the second one in the input, at height 2.
const fixture = {
  keys: [
    'kwd8trZ8t5ASwgUbBEAnDq49nRRrrKvt2onhS4JSfQM=',
    'GQEC/HB4sDBAVhHtUzyv4yct9ZGnudaP209QQBSTfSQ=',
    'Lk4zm2cJO4FpzXFF9WUV9NzOLfr5jV+ps7EhwUDKlZM=',
    '3wf60CidQcsIO7TksXzEZsJefMUFF73k6nP1YeEo9to=',
  ],
  validatorsHash: '5A69ACB73672274A2C020C7FAE539B2086D30F3B7E5B168A8031A21931FCA07D',
  proposer: '0616A636E7D0579A632EC37ED3C3F2B7E8522A0A',
  headers: [
    {
      height: 1n,
      time: '1970-01-01T00:00:01Z',
      next: '5A69ACB73672274A2C020C7FAE539B2086D30F3B7E5B168A8031A21931FCA07D',
      hash: '6B68DB34DEF944920D6638B3AA84FE1DF790BC8BDC5189E201F23730D5756A9D',
      signatures: [
        '8rGIxi7DjBLFlHUo/lAgTpmzsnTZ8HOgnQaIoe+HEM5AmrjBaVDWVMb5/nNAnJTj4hcReCh4jviXcyRkItFJCA==',
        '3cXnzhzJLKeF47ulcIWjgqsv9JBf9olbAo0mcjo7Ij6TfmCpJO6SmTiacBkiznsFSOc1ZSH+cHDBKA4AT7ozAg==',
        '4O8c5hxoHR861ldolxeY9W1iXCdxYJVIf0xD3+sANSxo0ipXayv8IS7YFw1zzZvDbjRRazVzbfyBYf2jl4JeDw==',
        '2Hel7uygQXpjYRJZiwtPLKNxT2Tg1/F5Zzs3VZpleFII9H1e5Gs02UjU0lybSXBKk/tD+NXPsdchrH/6/DmwAQ==',
      ],
    },
    {
      height: 2n,
      time: '1970-01-01T00:00:02Z',
      next: 'AAFE392AA939DA2A051F3C57707569B1836F93ACC8F35B57BB3CDF615B649013',
      hash: 'DE957F0FC7A17229F36289714559F7FB5E908DEE04E549FF88DB72404E118581',
      signatures: [
        'rHPemviCweCd95mauh9ST0eW6KsC5A/melokemcZ3gH22+tcIDbLy+vkyXXgpAANKgXcblIkpflI/YJ8IaiJCQ==',
        'wUAMEasU8Rry1Z9xa5/VZTUYWHvp41vz0eUir0jl3QjVXqNS+cJgduEvu7e0uZSMjrLf2le8XKXVz2H767Z0Dw==',
        '+O0Pp6P+CtNt0QzY3YYPBqr2CPcCOXb3CwWR+1xTUMNDkRDLQK8UP12QdHsdqRB8Ocm2+ZKj8OTVv0uUWWPuCA==',
        'QENfv06GEZj6QY64sPLTnditix/SreqiaFoQxWIpwd6mbHx0sHhk0E6z+nw8MzKssaKE7wD3km3gHEYzKnJNCg==',
      ],
    },
  ],
} as const;

describe('the light client fixture of Tendermint', () => {
  const validators: Validator[] = fixture.keys.map((key) => ({
    address: validatorAddress(base64(key)),
    publicKey: base64(key),
    power: 50n,
    proposerPriority: 0n,
  }));

  it('has our validator-set hashes, this set and the next, which drops two', () => {
    expect(toHex(validatorSetHash({ validators }))).toBe(lower(fixture.validatorsHash));
    const nextSet = { validators: validators.slice(0, 2) };
    expect(toHex(validatorSetHash(nextSet))).toBe(lower(fixture.headers[1].next));
    const ordered = newValidatorSet(
      [...validators].reverse().map(({ publicKey, power }) => ({ publicKey, power })),
    );
    expect(ordered.validators.map(({ address }) => address)).toEqual(
      validators.map(({ address }) => address),
    );
  });

  it('has our header hashes, and its commits verify', () => {
    for (const entry of fixture.headers) {
      const header: Header = {
        version: { block: 11n, app: 0n },
        chainId: 'test-chain',
        height: entry.height,
        timeNs: timeNs(entry.time),
        lastBlockId: NIL_BLOCK_ID,
        lastCommitHash: NO_BYTES,
        dataHash: NO_BYTES,
        validatorsHash: hex(fixture.validatorsHash),
        nextValidatorsHash: hex(entry.next),
        consensusHash: hex(fixture.validatorsHash),
        appHash: NO_BYTES,
        lastResultsHash: NO_BYTES,
        evidenceHash: NO_BYTES,
        proposerAddress: hex(fixture.proposer),
      };
      const hash = hex(entry.hash);
      expect(toHex(headerHash(header))).toBe(lower(entry.hash));
      const blockId = { hash, partSetHeader: { total: 1, hash } };
      const commit: Commit = {
        height: entry.height,
        round: 1,
        blockId,
        signatures: entry.signatures.map((signature, index) => ({
          blockIdFlag: 'commit',
          validatorAddress: validators[index]!.address,
          timeNs: header.timeNs,
          signature: base64(signature),
        })),
      };
      expect(verifyCommit('test-chain', { validators }, blockId, entry.height, commit)).toBe(
        undefined,
      );
    }
  });
});
