/** A partner's last challenge on chain (P2V-1.G2), in words. */
import { FINDING } from '@palisade/market/schema';

const WORDS: ReadonlyMap<number, string> = new Map([
  [FINDING.passed, 'passed'],
  [FINDING.unreachable, 'failed: no answer'],
  [FINDING.badAnswer, 'failed: no such answer'],
  [FINDING.wrongLeaves, 'failed: leaves missing or wrong'],
]);

export type LastChallenge = {
  readonly challengeFinding?: number | undefined;
  readonly challengeSession?: bigint | undefined;
};

/** `none` where none is on chain: whoever passes and is not contained leaves no trace. */
export function lastChallenge({ challengeFinding, challengeSession }: LastChallenge): string {
  const words = WORDS.get(challengeFinding ?? 0);
  return words === undefined ? 'none' : `${words} (session ${challengeSession})`;
}
