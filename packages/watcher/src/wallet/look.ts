/** What a watcher knows, asked without a key; asks nobody else. */
import { askWatcher, readPage } from './ask.ts';
import { documents, type ListedExit, listedExits, status, type WatcherStatus } from './shapes.ts';

/**
 * Exits, whosever they are, the newest first, 200 a page. `open`: only those that nothing has ended yet.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/refused`, `wallet/bad-answer`
 */
export function listExits(
  watcher: string,
  { open = false, page = 1 }: { readonly open?: boolean; readonly page?: number } = {},
): Promise<readonly ListedExit[]> {
  return askWatcher(watcher, 'exit.all', { open, page }, listedExits);
}

/**
 * Whether it protects its user, and what it found.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/bad-answer`
 */
export function statusOfWatcher(watcher: string): Promise<WatcherStatus> {
  return readPage(watcher, 'status', status);
}

/**
 * Evidence of what it finds wrong now, a document each.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/refused`, `wallet/bad-answer`
 */
export function listEvidence(
  watcher: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return askWatcher(watcher, 'evidence.all', {}, documents);
}
