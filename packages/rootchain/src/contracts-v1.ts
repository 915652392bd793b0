/**
 * Interfaces of the contracts' first version (plasma-contracts 1.0.5, as published with the network's JavaScript
 * client), as far as a watcher reads and calls them; all events, because a log that is none of them is refused.
 */
import { parseAbi } from 'viem';
import { bindings } from './contracts.ts';
import type { RootContracts } from './schema.ts';

const framework = parseAbi([
  'event BlockSubmitted(uint256 blknum)',
  'event ChildChainActivated(address authority)',
  'event ExitQueueAdded(uint256 vaultId, address token)',
  'event ExitQueued(uint160 indexed exitId, uint256 priority)',
  'event ProcessedExitsNum(uint256 processedNum, uint256 vaultId, address token)',
  'event ExitGameRegistered(uint256 txType, address exitGameAddress, uint8 protocol)',
  'event VaultRegistered(uint256 vaultId, address vaultAddress)',
  'function minExitPeriod() view returns (uint256)',
  'function blocks(uint256) view returns (bytes32 root, uint256 timestamp)',
]);

const deposits = [
  'event DepositCreated(address indexed depositor, uint256 indexed blknum, address indexed token, uint256 amount)',
  'event SetDepositVerifierCalled(address nextDepositVerifier)',
] as const;
const ethVault = parseAbi([
  ...deposits,
  'event EthWithdrawn(address indexed receiver, uint256 amount)',
  'event WithdrawFailed(address indexed receiver, uint256 amount)',
]);
const erc20Vault = parseAbi([
  ...deposits,
  'event Erc20Withdrawn(address indexed receiver, address indexed token, uint256 amount)',
]);

const exitGame = parseAbi([
  'event ExitStarted(address indexed owner, uint160 exitId)',
  'event ExitChallenged(uint256 indexed utxoPos)',
  'event ExitOmitted(uint160 indexed exitId)',
  'event ExitFinalized(uint160 indexed exitId)',
  'event BondReturnFailed(address indexed receiver, uint256 amount)',
  'event StandardExitBondUpdated(uint128 bondSize)',
  'event InFlightExitStarted(address indexed initiator, bytes32 indexed txHash)',
  'event InFlightExitInputPiggybacked(address indexed exitTarget, bytes32 indexed txHash, uint16 inputIndex)',
  'event InFlightExitOutputPiggybacked(address indexed exitTarget, bytes32 indexed txHash, uint16 outputIndex)',
  'event InFlightExitChallenged(address indexed challenger, bytes32 indexed txHash, uint256 challengeTxPosition)',
  'event InFlightExitChallengeResponded(address indexed challenger, bytes32 indexed txHash, uint256 challengeTxPosition)',
  'event InFlightExitInputBlocked(address indexed challenger, bytes32 indexed txHash, uint16 inputIndex)',
  'event InFlightExitOutputBlocked(address indexed challenger, bytes32 indexed txHash, uint16 outputIndex)',
  'event InFlightExitDeleted(uint160 indexed exitId)',
  'event InFlightExitOmitted(uint160 indexed exitId, address token)',
  'event InFlightExitInputWithdrawn(uint160 indexed exitId, uint16 inputIndex)',
  'event InFlightExitOutputWithdrawn(uint160 indexed exitId, uint16 outputIndex)',
  'event InFlightBondReturnFailed(address indexed receiver, uint256 amount)',
  'event IFEBondUpdated(uint128 bondSize)',
  'event PiggybackBondUpdated(uint128 bondSize)',
  'struct StandardExit { bool exitable; uint256 utxoPos; bytes32 outputId; address exitTarget; uint256 amount; uint256 bondSize; }',
  'struct WithdrawData { bytes32 outputId; address exitTarget; address token; uint256 amount; uint256 piggybackBondSize; }',
  'struct InFlightExit { bool isCanonical; uint64 exitStartTimestamp; uint256 exitMap; uint256 position; WithdrawData[4] inputs; WithdrawData[4] outputs; address bondOwner; uint256 bondSize; uint256 oldestCompetitorPosition; }',
  'function standardExits(uint160[] exitIds) view returns (StandardExit[])',
  'function inFlightExits(uint160[] exitIds) view returns (InFlightExit[])',
  'struct StartStandardExitArgs { uint256 utxoPos; bytes rlpOutputTx; bytes outputTxInclusionProof; }',
  'function startStandardExit(StartStandardExitArgs args) payable',
  'struct ChallengeStandardExitArgs { uint160 exitId; bytes exitingTx; bytes challengeTx; uint16 inputIndex; bytes witness; bytes32 senderData; }',
  'function challengeStandardExit(ChallengeStandardExitArgs args)',
  'struct StartExitArgs { bytes inFlightTx; bytes[] inputTxs; uint256[] inputUtxosPos; bytes[] inputTxsInclusionProofs; bytes[] inFlightTxWitnesses; }',
  'function startInFlightExit(StartExitArgs args) payable',
  'struct ChallengeCanonicityArgs { bytes inputTx; uint256 inputUtxoPos; bytes inFlightTx; uint16 inFlightTxInputIndex; bytes competingTx; uint16 competingTxInputIndex; uint256 competingTxPos; bytes competingTxInclusionProof; bytes competingTxWitness; }',
  'function challengeInFlightExitNotCanonical(ChallengeCanonicityArgs args)',
  'function respondToNonCanonicalChallenge(bytes inFlightTx, uint256 inFlightTxPos, bytes inFlightTxInclusionProof)',
  'struct ChallengeInputSpentArgs { bytes inFlightTx; uint16 inFlightTxInputIndex; bytes challengingTx; uint16 challengingTxInputIndex; bytes challengingTxWitness; bytes inputTx; uint256 inputUtxoPos; bytes32 senderData; }',
  'function challengeInFlightExitInputSpent(ChallengeInputSpentArgs args)',
  'struct ChallengeOutputSpent { bytes inFlightTx; bytes inFlightTxInclusionProof; uint256 outputUtxoPos; bytes challengingTx; uint16 challengingTxInputIndex; bytes challengingTxWitness; bytes32 senderData; }',
  'function challengeInFlightExitOutputSpent(ChallengeOutputSpent args)',
]);

/**
 * As `bindings`, of contracts of the first version. What both have has the same names and members, so that callers need not
 * ask which it is; numbers of exits are narrower there and lists shorter, which types do not show.
 */
export function bindingsV1(contracts: RootContracts): ReturnType<typeof bindings> {
  const v2 = bindings(contracts);
  return {
    framework: { ...v2.framework, abi: framework },
    ethVault: { ...v2.ethVault, abi: ethVault },
    erc20Vault: { ...v2.erc20Vault, abi: erc20Vault },
    exitGame: { ...v2.exitGame, abi: exitGame },
  } as unknown as ReturnType<typeof bindings>;
}
