import type { Acknowledged } from '../services/acknowledged.ts';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';

/** What the routes of one validator's API work with. */
export type ApiContext = {
  readonly pool: Pool;
  readonly service: ValidatorService;
  readonly acknowledged: Acknowledged;
  /** Takes note of a failure that no answer can tell of any more. */
  readonly report: (error: unknown) => void;
};
