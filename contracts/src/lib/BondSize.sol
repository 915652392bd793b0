// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A bond and the part of it that goes to whoever processes the exit. A change waits, so that nobody who
/// prepares an exit is surprised, and is bounded, so that a maintainer cannot price people out at once.
library BondSize {
    error BondOutOfBounds(uint128 bond, uint128 least, uint128 most);
    error BountyAboveBond();

    struct Params {
        uint128 bond;
        uint128 bounty;
        uint128 nextBond;
        uint128 nextBounty;
        /// Unix seconds from which on the next sizes count; 0 when none are planned.
        uint64 nextFrom;
    }

    uint64 internal constant WAITING_PERIOD = 2 days;
    /// A new bond is at least half and at most twice the present one.
    uint128 internal constant FACTOR = 2;

    function set(Params storage self, uint128 bond, uint128 bounty) internal {
        if (bounty > bond) revert BountyAboveBond();
        self.bond = bond;
        self.bounty = bounty;
    }

    function sizes(Params storage self) internal view returns (uint128 bond, uint128 bounty) {
        uint64 from = self.nextFrom;
        return from != 0 && block.timestamp >= from
            ? (self.nextBond, self.nextBounty)
            : (self.bond, self.bounty);
    }

    function update(Params storage self, uint128 bond, uint128 bounty) internal {
        (uint128 presentBond, uint128 presentBounty) = sizes(self);
        if (bond < presentBond / FACTOR || bond > presentBond * FACTOR) {
            revert BondOutOfBounds(bond, presentBond / FACTOR, presentBond * FACTOR);
        }
        if (bounty > bond) revert BountyAboveBond();
        self.bond = presentBond;
        self.bounty = presentBounty;
        self.nextBond = bond;
        self.nextBounty = bounty;
        self.nextFrom = uint64(block.timestamp) + WAITING_PERIOD;
    }
}
