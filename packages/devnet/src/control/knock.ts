/** Asks a running development network to do something, through its door. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PalisadeError } from '@palisade/core';
import * as z from 'zod';

const controlFile = z.object({
  url: z.url({ protocol: /^http$/, hostname: /^127\.0\.0\.1$/ }),
  token: z.string().regex(/^[0-9a-f]{64}$/),
});
const errorLine = z.object({
  error: z.object({ code: z.string(), message: z.string(), next: z.string().optional() }),
});

/**
 * Yields the steps of an action and returns its result.
 * @throws PalisadeError `devnet/not-running`, or what the network says
 */
export async function* knock(
  root: string,
  action: string,
  params: Readonly<Record<string, string>> = {},
): AsyncGenerator<unknown, unknown> {
  const { url, token } = await find(root);
  const lines = createInterface(
    await answerOf(`${url}/${action}?${new URLSearchParams(params)}`, token, root),
  );
  for await (const text of lines) {
    const line = JSON.parse(text) as Record<string, unknown>;
    if ('result' in line) return line.result;
    if ('step' in line) yield line.step;
    else throw new PalisadeError(withoutAbsent(errorLine.parse(line).error));
  }
  throw notRunning(root);
}

async function answerOf(url: string, token: string, root: string) {
  return new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    sent.once('response', resolve);
    sent.once('error', () => reject(notRunning(root)));
    sent.end();
  });
}

async function find(root: string): Promise<z.output<typeof controlFile>> {
  try {
    return controlFile.parse(JSON.parse(await readFile(join(root, 'control.json'), 'utf8')));
  } catch {
    throw notRunning(root);
  }
}

function withoutAbsent({ code, message, next }: z.output<typeof errorLine>['error']) {
  return { code, message, ...(next === undefined ? {} : { next }) };
}

function notRunning(root: string): PalisadeError {
  return new PalisadeError({
    code: 'devnet/not-running',
    message: `No development network of ${root} answers.`,
    next: 'Start it with: palisade devnet',
  });
}
