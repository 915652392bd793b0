/** What a watcher knows of all exits, whosever they are; asks nobody else. */
import { askWatcher } from './ask.ts';
import { type ListedExit, listedExits } from './shapes.ts';

/**
 * Exits, the newest first, 200 a page. `open`: only those that nothing has ended yet.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/refused`, `wallet/bad-answer`
 */
export function listExits(
  watcher: string,
  { open = false, page = 1 }: { readonly open?: boolean; readonly page?: number } = {},
): Promise<readonly ListedExit[]> {
  return askWatcher(watcher, 'exit.all', { open, page }, listedExits);
}
