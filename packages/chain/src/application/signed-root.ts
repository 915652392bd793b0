/**
 * What ties the root of a store to the chain: with the roots of the other stores it makes an app hash,
 * that stands in the next block's header, and validators with more than two thirds of the votes have
 * signed that block. Which validators these are is the header's word: whoever knows the block's
 * hash from somewhere else need not take it.
 */
import { equalBytes, type Refusal, refuse, toHex } from '@palisade/core';
import {
  commitMessage,
  headerHash,
  headerMessage,
  storesRoot,
  validatorAddress,
  validatorSetHash,
  verifyCommit,
} from '@palisade/formats';

/** A block as a validator tells of it, with the roots that its header is to have. */
export type RootsInBlock = {
  /** Height after which the stores had these roots; the header is that of the next. */
  readonly height: bigint;
  readonly roots: readonly { readonly name: string; readonly root: Uint8Array }[];
  /** CometBFT's protobuf. */
  readonly header: Uint8Array;
  readonly commit: Uint8Array;
  readonly validators: readonly { readonly publicKey: Uint8Array; readonly power: bigint }[];
};

/** Where a root stands. */
export type SignedRoot = {
  readonly root: Uint8Array;
  /** The block whose header has the app hash. */
  readonly height: bigint;
  readonly blockHash: Uint8Array;
  /** Validators that signed it, and all of them. */
  readonly signed: number;
  readonly validators: number;
};

/**
 * The root of a store in a signed block, or what is wrong.
 *
 * @throws PalisadeError `formats/...` for bytes that are no header or commit, or roots that are none
 */
export function signedRoot(store: string, told: RootsInBlock): SignedRoot | Refusal {
  const header = headerMessage.decode(told.header);
  const commit = commitMessage.decode(told.commit);
  const validators = told.validators.map(({ publicKey, power }) => ({
    ...{ address: validatorAddress(publicKey), publicKey, power },
    proposerPriority: 0n,
  }));
  const named = new Map(told.roots.map(({ name, root }) => [name, root]));
  const root = named.get(store);
  const blockHash = headerHash(header);
  if (!root) return bad(`there is no store '${store}'`);
  if (header.height !== told.height + 1n) return bad(`the header is of block ${header.height}`);
  if (!equalBytes(storesRoot(named), header.appHash))
    return bad(`the roots do not make the app hash ${toHex(header.appHash)}`);
  if (!equalBytes(validatorSetHash({ validators }), header.validatorsHash))
    return bad('the validators are not those of the header');
  const blockId = { ...commit.blockId, hash: blockHash };
  const fault = verifyCommit(header.chainId, { validators }, blockId, header.height, commit);
  if (fault) return bad(fault);
  const signed = commit.signatures.filter(({ blockIdFlag }) => blockIdFlag === 'commit').length;
  return { root, height: header.height, blockHash, signed, validators: validators.length };
}

function bad(why: string): Refusal {
  return refuse('chain/bad-root', `No block has these roots: ${why}.`, {
    next: 'Ask another validator.',
  });
}
