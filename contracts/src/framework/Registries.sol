// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Which contracts may take money in, and which may pay it out. The maintainer adds them; after the first
/// few each one stays in quarantine for so long that everybody who distrusts it can leave before it acts.
abstract contract Registries {
    error OnlyMaintainer();
    error OnlyVault();
    error OnlyExitGame();
    error InQuarantine(address newcomer, uint256 until);
    error AlreadyRegistered();
    error EmptyRegistration();

    event VaultRegistered(uint256 vaultId, address vaultAddress);
    event ExitGameRegistered(uint256 txType, address exitGameAddress, uint8 protocol);

    /// Seconds that an exit of an old output takes at the least.
    uint256 public immutable minExitPeriod;
    address public immutable maintainer;

    mapping(uint256 vaultId => address) public vaults;
    mapping(address vault => uint256 vaultId) public vaultToId;
    mapping(uint256 txType => address) public exitGames;
    mapping(address exitGame => uint256 txType) public exitGameToTxType;
    /// 1: a transaction counts once it is in a block; 2: once it is signed (MoreVP).
    mapping(uint256 txType => uint8) public protocols;

    /// Unix seconds from which on a newcomer may act; 0 for those that never waited.
    mapping(address newcomer => uint256) public quarantineEnds;
    uint256 public immuneVaultsLeft;
    uint256 public immuneExitGamesLeft;

    constructor(
        uint256 period,
        uint256 immuneVaults,
        uint256 immuneExitGames,
        address maintainerAddress
    ) {
        minExitPeriod = period;
        immuneVaultsLeft = immuneVaults;
        immuneExitGamesLeft = immuneExitGames;
        maintainer = maintainerAddress;
    }

    modifier onlyMaintainer() {
        if (msg.sender != maintainer) revert OnlyMaintainer();
        _;
    }

    modifier onlyFromVault() {
        if (vaultToId[msg.sender] == 0) revert OnlyVault();
        _requireOutOfQuarantine(msg.sender);
        _;
    }

    modifier onlyFromExitGame() {
        requireActiveExitGame(msg.sender);
        _;
    }

    function getMaintainer() external view returns (address) {
        return maintainer;
    }

    function registerVault(uint256 vaultId, address vault) external onlyMaintainer {
        if (vaultId == 0 || vault == address(0)) revert EmptyRegistration();
        if (vaults[vaultId] != address(0) || vaultToId[vault] != 0) revert AlreadyRegistered();
        vaults[vaultId] = vault;
        vaultToId[vault] = vaultId;
        if (immuneVaultsLeft > 0) immuneVaultsLeft--;
        // Deposits before it on the queue must have had the time to leave.
        else quarantineEnds[vault] = block.timestamp + 2 * minExitPeriod;
        emit VaultRegistered(vaultId, vault);
    }

    function registerExitGame(uint256 txType, address exitGame, uint8 protocol)
        external
        onlyMaintainer
    {
        if (txType == 0 || exitGame == address(0) || protocol == 0 || protocol > 2) {
            revert EmptyRegistration();
        }
        if (exitGames[txType] != address(0) || exitGameToTxType[exitGame] != 0) {
            revert AlreadyRegistered();
        }
        exitGames[txType] = exitGame;
        exitGameToTxType[exitGame] = txType;
        protocols[txType] = protocol;
        if (immuneExitGamesLeft > 0) immuneExitGamesLeft--;
        // Long enough for an exit of the youngest output to be started, judged and paid before.
        else quarantineEnds[exitGame] = block.timestamp + 4 * minExitPeriod;
        emit ExitGameRegistered(txType, exitGame, protocol);
    }

    /// Reverts unless `exitGame` is registered and out of quarantine; vaults ask before they pay.
    function requireActiveExitGame(address exitGame) public view {
        if (exitGameToTxType[exitGame] == 0) revert OnlyExitGame();
        _requireOutOfQuarantine(exitGame);
    }

    function _requireOutOfQuarantine(address newcomer) private view {
        uint256 until = quarantineEnds[newcomer];
        if (block.timestamp < until) revert InQuarantine(newcomer, until);
    }
}
