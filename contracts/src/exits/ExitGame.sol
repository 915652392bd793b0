// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { EthPayouts } from "../lib/EthPayouts.sol";
import { Merkle } from "../lib/Merkle.sol";
import { Payment } from "../lib/Transactions.sol";
import { Positions } from "../lib/Positions.sol";
import { Signatures } from "../lib/Signatures.sol";
import { TypedData } from "../lib/TypedData.sol";
import { Erc20Vault } from "../vaults/Erc20Vault.sol";
import { EthVault } from "../vaults/EthVault.sol";

/// What standard and in-flight exits share: evidence, queues, and money that goes out.
abstract contract ExitGame is EthPayouts {
    error OnlyFramework();
    error OnlyMaintainer();
    error WrongBond(uint256 wanted);
    error WrongSenderData();
    error NotIncluded(uint256 position);
    error NotSignedByOwner(address owner);
    error NotSpentHere(uint256 position);
    error NotTheOwner(address owner);
    error NothingToExit();

    event BondReturnFailed(address indexed receiver, uint256 amount);
    event BountyRewardFailed(address indexed receiver, uint256 amount);

    uint256 internal constant ETH_VAULT_ID = 1;
    uint256 internal constant ERC20_VAULT_ID = 2;

    PlasmaFramework public immutable framework;
    bytes32 internal immutable _domain;
    uint256 internal immutable _minExitPeriod;

    constructor(PlasmaFramework frameworkAddress) {
        framework = frameworkAddress;
        _domain = TypedData.domainOf(address(frameworkAddress));
        _minExitPeriod = frameworkAddress.minExitPeriod();
    }

    modifier onlyFramework() {
        if (msg.sender != address(framework)) revert OnlyFramework();
        _;
    }

    modifier onlyMaintainer() {
        _requireMaintainer();
        _;
    }

    /// Binds a call that is paid for its evidence to its sender, so that a copy of it earns nothing.
    modifier onlyAddressee(bytes32 senderData) {
        _requireAddressee(senderData);
        _;
    }

    /// Requires that `raw` is in the block that `position` names; answers when that was submitted.
    function _requireIncluded(bytes memory raw, uint256 position, bytes memory proof)
        internal
        view
        returns (uint256 timestamp)
    {
        bytes32 root;
        (root, timestamp) = framework.blocks(Positions.blknum(position));
        // A block that is not there has root 0, which is no root of anything.
        if (root == bytes32(0) || !Merkle.contains(root, raw, Positions.txIndex(position), proof)) {
            revert NotIncluded(position);
        }
    }

    /// Requires that input `index` of `payment` is `position` and that its `owner` has signed.
    function _requireSpends(
        Payment memory payment,
        uint16 index,
        uint256 position,
        address owner,
        bytes memory signature
    ) internal view {
        if (index >= payment.inputs.length || payment.inputs[index] != position) {
            revert NotSpentHere(position);
        }
        if (Signatures.signerOf(TypedData.digestOf(_domain, payment), signature) != owner) {
            revert NotSignedByOwner(owner);
        }
    }

    function _requireMaintainer() private view {
        if (msg.sender != framework.maintainer()) revert OnlyMaintainer();
    }

    function _requireAddressee(bytes32 senderData) private view {
        if (senderData != keccak256(abi.encodePacked(msg.sender))) revert WrongSenderData();
    }

    function _vaultIdOf(address token) internal pure returns (uint256) {
        return token == address(0) ? ETH_VAULT_ID : ERC20_VAULT_ID;
    }

    function _withdraw(uint256 vaultId, address token, address receiver, uint256 amount) internal {
        address vault = framework.vaults(vaultId);
        if (vaultId == ETH_VAULT_ID) EthVault(vault).withdraw(receiver, amount);
        else Erc20Vault(vault).withdraw(receiver, token, amount);
    }

    /// Pays for evidence, or refuses the call: a challenger has to be able to take ether within the
    /// stipend, that is, to be an ordinary account.
    function _reward(address challenger, uint256 amount) internal {
        if (!_send(challenger, amount)) revert PaymentRefused(challenger);
    }

    function _returnBond(address owner, uint256 amount) internal {
        if (!_sendOrOwe(owner, amount)) emit BondReturnFailed(owner, amount);
    }

    function _payBounty(address processor, uint256 amount) internal {
        if (!_sendOrOwe(processor, amount)) emit BountyRewardFailed(processor, amount);
    }
}
