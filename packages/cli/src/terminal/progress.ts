/** One line that tells how far something is, on a terminal; elsewhere nothing. */
import { formatDuration, formatSize } from './amounts.ts';
import type { World } from './world.ts';

/** A terminal needs no more than ten pictures a second. */
const REDRAW_MS = 100;
const BAR_CHARS = 24;

/** How amounts are written. */
export type Show = (amount: number) => string;

export type Progress = {
  /** Bytes, or whatever the bar is about, done of all. */
  update(done: number, total: number): void;
  /** Takes the line away. */
  end(): void;
};

export const noProgress: Progress = { update: () => {}, end: () => {} };

export function progressBar(world: World, label: string, show: Show): Progress {
  const started = world.nowMs();
  let drawn = 0;
  let visible = false;
  return {
    update(done, total) {
      const now = world.nowMs();
      if (now - drawn < REDRAW_MS && done < total) return;
      drawn = now;
      visible = true;
      world.stderr(`\r\u001b[K${line(label, done, total, now - started, show)}`);
    },
    end() {
      if (visible) world.stderr('\r\u001b[K');
      visible = false;
    },
  };
}

/** `sending  [██████        ]  25 %  1.00 MiB of 4.00 MiB  3s left`. */
export function line(
  label: string,
  done: number,
  total: number,
  elapsedMs: number,
  show: Show = formatSize,
): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_CHARS);
  const bar = `${'█'.repeat(filled)}${' '.repeat(BAR_CHARS - filled)}`;
  const left = share > 0 && share < 1 ? (elapsedMs / share) * (1 - share) : 0;
  const eta = left >= 1000 ? `  ${formatDuration(left)} left` : '';
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${label}  [${bar}] ${percent} %  ${show(done)} of ${show(total)}${eta}`;
}
