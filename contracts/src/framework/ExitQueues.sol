// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitIds } from "../lib/ExitIds.sol";
import { Guard } from "../lib/Guard.sol";
import { PriorityHeap } from "../lib/PriorityHeap.sol";
import { Registries } from "./Registries.sol";

/// What the queue calls when an exit's turn has come.
interface IExitProcessor {
    function processExit(uint168 exitId, uint256 vaultId, address token, address processor) external;
}

/// One queue per vault and token, so that a bad token holds up nobody else; and the list of outputs that
/// have left, which every exit game asks and writes.
abstract contract ExitQueues is Registries, Guard {
    using PriorityHeap for uint256[];

    error QueueExists();
    error QueueMissing();
    error UnknownVault();
    error AlreadyQueued(uint256 priority);
    error TopExitIsAnother(uint168 topExitId);
    error WrongSenderData();

    event ExitQueueAdded(uint256 vaultId, address token);
    event ExitQueued(uint168 indexed exitId, uint256 priority);
    event ProcessedExitsNum(uint256 processedNum, uint256 indexed vaultId, address indexed token);

    mapping(bytes32 queue => uint256[]) private _heaps;
    mapping(bytes32 queue => bool) private _exists;
    mapping(bytes32 queue => mapping(uint256 priority => address)) private _processors;
    /// The exit by which an output left; 0 for those that have not.
    mapping(bytes32 outputId => uint168) public outputsFinalizations;

    /// Anybody may open a queue for a token; without one, exits in it cannot start.
    function addExitQueue(uint256 vaultId, address token) external {
        if (vaults[vaultId] == address(0)) revert UnknownVault();
        bytes32 queue = _queueOf(vaultId, token);
        if (_exists[queue]) revert QueueExists();
        _exists[queue] = true;
        emit ExitQueueAdded(vaultId, token);
    }

    function hasExitQueue(uint256 vaultId, address token) external view returns (bool) {
        return _exists[_queueOf(vaultId, token)];
    }

    /// The priority of the exit that comes next; its exit id is the low 168 bits.
    function getNextExit(uint256 vaultId, address token) external view returns (uint256) {
        return _heaps[_existing(vaultId, token)].top();
    }

    function queueLength(uint256 vaultId, address token) external view returns (uint256) {
        return _heaps[_existing(vaultId, token)].length;
    }

    function isQueued(uint256 vaultId, address token, uint256 priority)
        external
        view
        returns (bool)
    {
        return _processors[_queueOf(vaultId, token)][priority] != address(0);
    }

    function enqueue(
        uint256 vaultId,
        address token,
        uint64 exitableAt,
        uint256 position,
        uint168 exitId
    ) external onlyFromExitGame returns (uint256 priority) {
        bytes32 queue = _existing(vaultId, token);
        priority = ExitIds.priority(exitableAt, position, exitId);
        if (_processors[queue][priority] != address(0)) revert AlreadyQueued(priority);
        _processors[queue][priority] = msg.sender;
        _heaps[queue].insert(priority);
        emit ExitQueued(exitId, priority);
    }

    /**
     * Pays up to `maxExits` of the exits whose time has come, in order, and answers how many.
     * `topExitId`, unless 0, must be the one that comes next; `senderData` must be keccak(msg.sender), so
     * that a copy of the transaction is worth nothing to whoever sees it early.
     */
    function processExits(
        uint256 vaultId,
        address token,
        uint168 topExitId,
        uint256 maxExits,
        bytes32 senderData
    ) external guarded returns (uint256 processed) {
        if (senderData != keccak256(abi.encodePacked(msg.sender))) {
            revert WrongSenderData();
        }
        bytes32 queue = _existing(vaultId, token);
        uint256[] storage heap = _heaps[queue];
        uint168 first = uint168(heap.top());
        if (topExitId != 0 && first != topExitId) revert TopExitIsAnother(first);
        while (processed < maxExits && heap.length > 0) {
            uint256 priority = heap.top();
            if (priority >> 224 >= block.timestamp) break;
            address processor = _processors[queue][priority];
            delete _processors[queue][priority];
            heap.removeTop();
            processed++;
            IExitProcessor(processor).processExit(uint168(priority), vaultId, token, msg.sender);
        }
        emit ProcessedExitsNum(processed, vaultId, token);
    }

    function isOutputFinalized(bytes32 outputId) external view returns (bool) {
        return outputsFinalizations[outputId] != 0;
    }

    /// Marks outputs as gone. The first exit that does so keeps the mark.
    function flagOutputsFinalized(bytes32[] calldata outputIds, uint168 exitId)
        external
        onlyFromExitGame
    {
        for (uint256 i = 0; i < outputIds.length; ++i) {
            if (outputsFinalizations[outputIds[i]] == 0) {
                outputsFinalizations[outputIds[i]] = exitId;
            }
        }
    }

    function _existing(uint256 vaultId, address token) private view returns (bytes32 queue) {
        queue = _queueOf(vaultId, token);
        if (!_exists[queue]) revert QueueMissing();
    }

    function _queueOf(uint256 vaultId, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(vaultId, token));
    }
}
