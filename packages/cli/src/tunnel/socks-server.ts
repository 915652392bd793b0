/** A SOCKS5 server on the loopback whose connections come out at a partner. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { pump, type Reason, type TunnelStream } from '@palisade/client';
import { PalisadeError } from '@palisade/core';
import { type Check, REPLY, reply, replyFor, SocksGreeting, type Step } from './socks-protocol.ts';

/** Only programs of this machine are let in. */
const HOST = '127.0.0.1';
/** More than a tunnel carries: the rest is refused in words, not by silence. */
const MAX_CONNECTIONS = 256;
/** For a program to say where it wants to go, ms. */
const GREETING_MS = 10_000;

export type SocksOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  readonly check?: Check;
  /** @throws PalisadeError with the partner's reason */
  readonly connect: (host: string, port: number) => Promise<TunnelStream>;
  /** A connection that was not made, or was given up by the other side. */
  readonly onRefused?: (where: string, reason: Reason) => void;
};

export type SocksServer = {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
};

/** @throws PalisadeError `cli/cannot-listen` */
export async function startSocks(options: SocksOptions): Promise<SocksServer> {
  const open = new Set<Socket>();
  // Half-open connections are part of TCP, and of some protocols that people run through here.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(options.port, cause)));
    server.listen(options.port, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { host: HOST, port, stop: () => stop(server, open) };
}

function serve(socket: Socket, { check, connect, onRefused }: SocksOptions): void {
  const greeting = new SocksGreeting(check);
  const timer = setTimeout(() => socket.destroy(), GREETING_MS);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));
  socket.setNoDelay(true);
  const hear = (bytes: Uint8Array) => {
    let step = greeting.take(bytes);
    // A client may send its next words before it has read our answer.
    for (; step?.kind === 'say'; step = greeting.take(new Uint8Array(0))) socket.write(step.answer);
    if (!step) return;
    socket.pause();
    socket.off('data', hear);
    clearTimeout(timer);
    if (step.kind === 'end') socket.end(step.answer);
    else void lead(step);
  };
  const lead = async ({ host, port }: Extract<Step, { kind: 'connect' }>) => {
    const where = `${host}:${port}`;
    try {
      const stream = await connect(host, port);
      if (socket.destroyed) {
        stream.reset({ code: 'access/broken', message: 'The program is gone.' });
        return;
      }
      socket.write(reply(REPLY.done));
      if (greeting.rest.length > 0) socket.unshift(greeting.rest);
      socket.off('end', leave);
      pump(socket, stream, (reason) => onRefused?.(where, reason));
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      onRefused?.(where, error);
      socket.end(reply(replyFor(error.code)));
      socket.resume(); // to see its end
    }
  };
  const leave = () => void socket.end();
  socket.on('data', hear);
  socket.on('end', leave);
}

function stop(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}

function cannotListen(port: number, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'cli/cannot-listen',
    message: `No SOCKS server can listen at ${HOST}:${port}: ${cause.message}.`,
    next: 'Choose another port with --port, or 0 for a free one.',
    cause,
  });
}
