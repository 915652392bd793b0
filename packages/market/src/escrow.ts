import { moduleAccount } from '@palisade/chain';

/** Where the money of all jobs is: what clients locked and nobody has earned or got back yet. */
export const ESCROW = moduleAccount('market.escrow');
