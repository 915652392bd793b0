/** The end of an HTTP server: no new connections, running requests may end, then all is closed. */
import type { Server } from 'node:http';

/** Resolves when it is closed. @param drainMs for requests that run */
export function stopServer(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
