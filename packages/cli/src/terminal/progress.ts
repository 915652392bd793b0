/** How far something is: one line that changes on a terminal, a line now and then elsewhere. */
import { formatDuration, formatSize } from './amounts.ts';
import type { World } from './world.ts';

/** A terminal needs no more than ten pictures a second. */
const REDRAW_MS = 100;
/** A log, or whoever looks at a pipe, needs a sign of life as often as this, ms. */
const LINE_MS = 5000;
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

/** What is over soon says nothing. */
export function progressLines(
  world: Pick<World, 'nowMs' | 'stderr'>,
  label: string,
  show: Show,
): Progress {
  const started = world.nowMs();
  let told = started;
  return {
    update(done, total) {
      const now = world.nowMs();
      if (now - told < LINE_MS || done >= total) return;
      told = now;
      world.stderr(`${label}  ${amounts(done, total, now - started, show)}\n`);
    },
    end: () => {},
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
  const filled = Math.round(shareOf(done, total) * BAR_CHARS);
  const bar = `${'█'.repeat(filled)}${' '.repeat(BAR_CHARS - filled)}`;
  return `${label}  [${bar}] ${amounts(done, total, elapsedMs, show)}`;
}

/** ` 25 %  1.00 MiB of 4.00 MiB  3s left`. */
function amounts(done: number, total: number, elapsedMs: number, show: Show): string {
  const share = shareOf(done, total);
  const left = share > 0 && share < 1 ? (elapsedMs / share) * (1 - share) : 0;
  const eta = left >= 1000 ? `  ${formatDuration(left)} left` : '';
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${percent} %  ${show(done)} of ${show(total)}${eta}`;
}

function shareOf(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}
