// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Positions } from "../lib/Positions.sol";
import { Registries } from "./Registries.sol";

/// Roots of the child chain's blocks. The authority's have the numbers 1000, 2000 and so on; a deposit gets
/// one of the 999 numbers between the last of them and the next.
abstract contract Blocks is Registries {
    error OnlyAuthority();
    error TooManyDeposits();
    error EmptyAuthority();

    event BlockSubmitted(uint256 blknum);
    event AuthorityChanged(address indexed authority);

    struct Block {
        bytes32 root;
        uint256 timestamp;
    }

    uint256 public constant childBlockInterval = Positions.CHILD_BLOCK_INTERVAL;

    address public authority;
    mapping(uint256 blknum => Block) public blocks;
    /// One slot for both: they change together.
    uint128 private _nextChildBlock = uint128(Positions.CHILD_BLOCK_INTERVAL);
    uint128 private _nextDeposit = 1;

    constructor(address initialAuthority) {
        _setAuthority(initialAuthority);
    }

    modifier onlyAuthority() {
        if (msg.sender != authority) revert OnlyAuthority();
        _;
    }

    /// The authority hands its office on, for instance to a `ValidatorAuthority`.
    function setAuthority(address newAuthority) external onlyAuthority {
        _setAuthority(newAuthority);
    }

    function submitBlock(bytes32 root) external onlyAuthority {
        uint256 number = _nextChildBlock;
        blocks[number] = Block(root, block.timestamp);
        _nextChildBlock = uint128(number + childBlockInterval);
        _nextDeposit = 1;
        emit BlockSubmitted(number);
    }

    /// Called by vaults; answers the number of the deposit's block.
    function submitDepositBlock(bytes32 root) external onlyFromVault returns (uint256 number) {
        uint128 deposit = _nextDeposit;
        if (deposit >= childBlockInterval) revert TooManyDeposits();
        number = _nextChildBlock - childBlockInterval + deposit;
        blocks[number] = Block(root, block.timestamp);
        _nextDeposit = deposit + 1;
    }

    function nextChildBlock() external view returns (uint256) {
        return _nextChildBlock;
    }

    function nextDepositBlock() external view returns (uint256) {
        return _nextChildBlock - childBlockInterval + _nextDeposit;
    }

    function isDeposit(uint256 blknum) external pure returns (bool) {
        return Positions.isDepositBlock(blknum);
    }

    function _setAuthority(address newAuthority) private {
        if (newAuthority == address(0)) revert EmptyAuthority();
        authority = newAuthority;
        emit AuthorityChanged(newAuthority);
    }
}
