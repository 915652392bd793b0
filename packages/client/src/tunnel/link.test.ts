import { describe, expect, it } from 'vitest';
import { type Frame, FrameReader, frame, type Reason } from './frames.ts';
import { type ByteSocket, TunnelLink } from './link.ts';

/** A connection that keeps what is written to it, as one whose other side does not read. */
function stuckSocket() {
  const listeners = new Map<string, (value: never) => void>();
  const written: Uint8Array[] = [];
  const socket = {
    isDestroyed: false,
    writableLength: 0,
    write(bytes: Uint8Array) {
      written.push(bytes.slice());
      socket.writableLength += bytes.length;
      return socket.writableLength < 64 * 1024;
    },
    end() {},
    destroy() {
      socket.isDestroyed = true;
    },
    pause() {},
    resume() {},
    on(event: string, listener: (value: never) => void) {
      listeners.set(event, listener);
    },
  };
  const say = (event: string, value?: unknown) => listeners.get(event)?.(value as never);
  const heard = () => written.flatMap((bytes) => [...new FrameReader().read(bytes)]);
  return { socket: socket as ByteSocket & typeof socket, say, heard };
}

function link() {
  const { socket, say, heard } = stuckSocket();
  const frames: Frame[] = [];
  const closed: Reason[] = [];
  const made = new TunnelLink(socket, 0, {
    onFrame: (one) => void frames.push(one),
    onDrain: () => {},
    onClosed: (reason) => void closed.push(reason),
  });
  return { link: made, socket, say, heard, frames, closed };
}

describe('a link', () => {
  it('[ACCESS] gives up whoever asks and asks and does not read', () => {
    const { socket, say, closed } = link();
    const pings = Buffer.concat(new Array(1000).fill(Buffer.from(frame('ping', {}))));
    let turns = 0;
    while (!socket.isDestroyed && turns++ < 1000) say('data', pings);
    expect(socket.isDestroyed).toBe(true);
    expect(socket.writableLength).toBeLessThan(2 ** 20 + 100);
    expect(closed.map(({ code }) => code)).toEqual(['access/connection']);
  });

  it('[ACCESS] asks a silent side for a sign of life, and gives it up without one', () => {
    const { link: one, heard, closed, say } = link();
    one.tick(14_000);
    expect(heard()).toEqual([]);
    one.tick(16_000);
    expect(heard().map(({ name }) => name)).toEqual(['ping']);
    say('data', frame('pong', {}));
    one.tick(46_000);
    expect(closed).toEqual([]);
    one.tick(92_000);
    expect(closed.map(({ message }) => message)).toEqual([
      'The other side of the tunnel is silent.',
    ]);
  });

  it('[ACCESS] says why it closes, once, and hears nothing after', () => {
    const { link: one, heard, closed, say, frames } = link();
    const reason = { code: 'test/over', message: 'It is over.' };
    one.close(reason);
    one.close(reason);
    say('data', frame('finish', {}));
    say('close');
    expect(heard()).toEqual([{ name: 'close', stream: 0, body: reason }]);
    expect([closed, frames]).toEqual([[reason], []]);
  });
});
