// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IExitProcessor } from "../framework/ExitQueues.sol";
import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { ExitIds } from "../lib/ExitIds.sol";
import { ExitGame } from "./ExitGame.sol";
import { InFlightChallenges } from "./InFlightChallenges.sol";
import { InFlightExits } from "./InFlightExits.sol";
import { InFlightProcessing } from "./InFlightProcessing.sol";
import { StandardExits } from "./StandardExits.sol";

/// The rules by which payments leave the child chain.
contract PaymentExitGame is
    StandardExits,
    InFlightExits,
    InFlightChallenges,
    InFlightProcessing,
    IExitProcessor
{
    constructor(PlasmaFramework framework) ExitGame(framework) { }

    function processExit(uint168 exitId, uint256 vaultId, address token, address processor)
        external
        onlyFramework
        guarded
    {
        if (ExitIds.isInFlight(exitId)) {
            _processInFlightExit(exitId, vaultId, token, processor);
        } else {
            _processStandardExit(exitId, vaultId, token, processor);
        }
    }
}
