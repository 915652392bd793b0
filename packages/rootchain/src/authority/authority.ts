/**
 * Calls of the validators' authority (spec/contracts.md): roots and handovers, each signed by validators
 * with their root-chain keys. Whose signature is not at hand gives an empty one, which counts for nothing.
 */
import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  type LocalAccount,
} from 'viem';
import { authorityAbi } from '../generated/authority.ts';

/** A validator's root-chain key and its votes. */
export type AuthorityMember = { readonly signer: Address; readonly votes: bigint };

/** Validators that sign in a session, and the contract that knows them. */
export type AuthoritySession = {
  readonly contract: Address;
  readonly chainId: number;
  readonly session: bigint;
  readonly members: readonly AuthorityMember[];
};

/** Keys at hand, by address in small letters. */
export type AuthorityKeys = ReadonlyMap<string, LocalAccount>;

const MEMBERS = {
  type: 'tuple[]',
  components: [
    { name: 'signer', type: 'address' },
    { name: 'votes', type: 'uint96' },
  ],
} as const;

const TYPES = {
  BlockRoot: [
    { name: 'session', type: 'uint64' },
    { name: 'blknum', type: 'uint256' },
    { name: 'root', type: 'bytes32' },
  ],
  Rotation: [
    { name: 'session', type: 'uint64' },
    { name: 'nextSession', type: 'uint64' },
    { name: 'nextSet', type: 'bytes32' },
  ],
} as const;

/** In the order that the contract wants: by address. */
export function sortedMembers(members: readonly AuthorityMember[]): readonly AuthorityMember[] {
  return [...members].sort((a, b) => (a.signer.toLowerCase() < b.signer.toLowerCase() ? -1 : 1));
}

/** Call data that submits the root of child block `blknum`. */
export async function blockRootCall(
  current: AuthoritySession,
  { blknum, root }: { readonly blknum: bigint; readonly root: Hex },
  keys: AuthorityKeys,
): Promise<Hex> {
  const message = { session: current.session, blknum, root };
  const signatures = await signAll(current, keys, { primaryType: 'BlockRoot', message });
  return encodeFunctionData({
    abi: authorityAbi,
    functionName: 'submitBlock',
    args: [blknum, root, current.members, signatures],
  });
}

/** Call data by which the present validators hand over to those of a later session. */
export async function rotationCall(
  current: AuthoritySession,
  next: Pick<AuthoritySession, 'session' | 'members'>,
  keys: AuthorityKeys,
): Promise<Hex> {
  const nextSet = keccak256(encodeAbiParameters([MEMBERS], [next.members]));
  const message = { session: current.session, nextSession: next.session, nextSet };
  const signatures = await signAll(current, keys, { primaryType: 'Rotation', message });
  return encodeFunctionData({
    abi: authorityAbi,
    functionName: 'rotate',
    args: [next.session, next.members, current.members, signatures],
  });
}

type Signed =
  | {
      readonly primaryType: 'BlockRoot';
      readonly message: { readonly session: bigint; readonly blknum: bigint; readonly root: Hex };
    }
  | {
      readonly primaryType: 'Rotation';
      readonly message: {
        readonly session: bigint;
        readonly nextSession: bigint;
        readonly nextSet: Hex;
      };
    };

async function signAll(
  { contract, chainId, members }: AuthoritySession,
  keys: AuthorityKeys,
  signed: Signed,
): Promise<readonly Hex[]> {
  const domain = {
    ...{ name: 'Palisade Authority', version: '1', chainId, verifyingContract: contract },
  };
  const sign = ({ signer }: AuthorityMember): Promise<Hex> | Hex =>
    keys.get(signer.toLowerCase())?.signTypedData({ domain, types: TYPES, ...signed }) ?? '0x';
  return Promise.all(members.map(sign));
}
