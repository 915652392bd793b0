/** Joins a TCP connection and a stream of a tunnel: what goes into one comes out of the other. */
import type { Reason } from './frames.ts';
import { type ByteSocket, reasonOf } from './link.ts';
import type { TunnelStream } from './streams.ts';

/** What a pump needs of a connection beside the rest: to take back what the tunnel has not taken. */
type PumpedSocket = ByteSocket & { unshift(bytes: Uint8Array): unknown };

/**
 * Nothing is read from the socket that the tunnel does not take, and nothing is credited to the
 * tunnel that the socket has not let go: whoever is slow, holds up the other and nobody else.
 * The socket must allow half-open connections, and must not have been read from.
 * @param onReset is told why the stream was given up by the other side
 */
export function pump(
  socket: PumpedSocket,
  stream: TunnelStream,
  onReset: (reason: Reason) => void = () => {},
): void {
  socket.on('data', (bytes) => {
    const done = stream.send(bytes);
    if (done === bytes.length) return;
    // The socket keeps the rest: until that is read it neither ends nor closes.
    socket.pause();
    socket.unshift(bytes.subarray(done));
  });
  socket.on('end', () => stream.end());
  const gone = (message: string) => stream.reset(reasonOf({ code: 'access/broken', message }));
  socket.on('error', (error) => gone(`The connection broke: ${error.message}.`));
  socket.on('close', () => gone('The connection was closed.'));
  stream.attach({
    data(bytes) {
      socket.write(bytes, (error) => {
        if (!error) stream.consumed(bytes.length);
      });
    },
    end: () => void socket.end(),
    reset(reason) {
      onReset(reason);
      socket.destroy();
    },
    writable: () => void socket.resume(),
  });
}
