/** From a partner's URL to a connection that it has accepted as a tunnel. */
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import type { Socket } from 'node:net';
import { TUNNEL_PATH, TUNNEL_PROTOCOL } from '@palisade/client';
import { PalisadeError } from '@palisade/core';

/** For the answer to the upgrade. */
const TIMEOUT_MS = 10_000;

/** @throws PalisadeError `cli/no-tunnel` */
export function dialPartner(url: string): Promise<Socket> {
  const request = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${TUNNEL_PATH}`, {
      headers: { connection: 'Upgrade', upgrade: TUNNEL_PROTOCOL },
      agent: false,
      timeout: TIMEOUT_MS,
    });
    asked.on('upgrade', (_, socket, head) => {
      socket.setTimeout(0); // the tunnel looks after its silence itself
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    asked.on('response', ({ statusCode }) => {
      asked.destroy();
      reject(noTunnel(url, `it answered with status ${statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error('it did not answer in time')));
    asked.on('error', (error) => reject(noTunnel(url, error.message)));
    asked.end();
  });
}

function noTunnel(url: string, why: string): PalisadeError {
  return new PalisadeError({
    code: 'cli/no-tunnel',
    message: `${url} opens no tunnel: ${why}.`,
    next: 'Ask another partner, or try again later.',
    retry: 'later',
  });
}
