// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Blocks } from "./Blocks.sol";
import { ExitQueues } from "./ExitQueues.sol";
import { Registries } from "./Registries.sol";

/// The root-chain side of the child chain: block roots, who may move money, exit queues, what has left.
contract PlasmaFramework is Blocks, ExitQueues {
    string public constant version = "2.0.0+palisade";

    constructor(
        uint256 minExitPeriod,
        uint256 immuneVaults,
        uint256 immuneExitGames,
        address initialAuthority,
        address maintainer
    )
        Registries(minExitPeriod, immuneVaults, immuneExitGames, maintainer)
        Blocks(initialAuthority)
    { }
}
