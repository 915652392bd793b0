/** A thief: a process of its own that knows a node of the root chain, a contract, a key, and nothing of Palisade. */
import { createWalletClient, http, parseAbi, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const { url, exitGame, secret, utxoPos, rlpOutputTx, outputTxInclusionProof } = JSON.parse(
  process.argv[2],
);
const abi = parseAbi([
  'struct Args { uint256 utxoPos; bytes rlpOutputTx; bytes outputTxInclusionProof; }',
  'function startStandardExit(Args args) payable',
  'function startStandardExitBondSize() view returns (uint128)',
]);
const account = privateKeyToAccount(secret);
const wallet = createWalletClient({ account, transport: http(url) }).extend(publicActions);
const value = await wallet.readContract({
  address: exitGame,
  abi,
  functionName: 'startStandardExitBondSize',
});
const hash = await wallet.writeContract({
  address: exitGame,
  abi,
  functionName: 'startStandardExit',
  args: [{ utxoPos: BigInt(utxoPos), rlpOutputTx, outputTxInclusionProof }],
  value,
  chain: null,
});
const { status } = await wallet.waitForTransactionReceipt({ hash });
process.exit(status === 'success' ? 0 : 1);
