/**
 * The frames of a tunnel (spec/access.md): one connection per job carries many TCP streams, and the
 * vouchers that pay for them, in one order. That order is the point: a voucher that stands behind
 * a million bytes says exactly how many these were, so both sides can compare their counts to the
 * byte. Every frame: kind (1), stream (4, big-endian; 0 where none is meant), length (2), body.
 */
import {
  byteList,
  bytes32,
  concat,
  decode,
  encode,
  type Infer,
  PalisadeError,
  record,
  type Schema,
  text,
  u8,
  u16,
  u32,
  u64,
} from '@palisade/core';

/** Of the handshake: what it names has this meaning, and no other. */
export const TUNNEL_VERSION = 1;
/** Value of the `Upgrade` header that turns an HTTP/1.1 connection into a tunnel. */
export const TUNNEL_PROTOCOL = 'palisade-tunnel';
/** Path of the partner's tunnel door. */
export const TUNNEL_PATH = '/v1/tunnel';

/** Bytes of a body at most. A larger one would hold up other streams for longer, and save nothing. */
export const MAX_FRAME_BODY = 32 * 1024;
/** Bytes of a signed message inside a frame: they have some 300. */
const MAX_SIGNED = 1024;
/** A host name has at most 253 characters (RFC 1035, 2.3.4); a literal of IPv6 has fewer. */
export const MAX_HOST = 253;
const HEAD = 7;

const none = record('TunnelNothing', {});
const reason = record('TunnelReason', {
  code: text(64),
  message: text(400).is('What happened and why, for people'),
});

/** Why a stream or a tunnel ends or stops. */
export type Reason = Infer<typeof reason>;

/** What each frame but `data` holds. Numbers are never used again for another frame. */
const FRAMES = {
  /** Both: the other side may send so many bytes more on this stream. */
  credit: { kind: 2, body: record('TunnelCredit', { bytes: u32 }) },
  /** Both: no more bytes come from here on this stream. */
  end: { kind: 3, body: none },
  /** Both: the stream is over, now and in both directions; also the answer "no" to `connect`. */
  reset: { kind: 4, body: reason },
  /** Client: a new stream to that place. */
  connect: { kind: 5, body: record('TunnelConnect', { host: text(MAX_HOST), port: u16 }) },
  /** Partner: it is there. */
  connected: { kind: 6, body: none },
  /** Partner, first: who it is, and what to sign. */
  hello: {
    kind: 8,
    body: record('TunnelHello', { version: u8, partner: bytes32, nonce: bytes32 }),
  },
  /** Client, first: who it is, and what it has signed so far, should that have been lost. */
  open: {
    kind: 9,
    body: record('TunnelOpening', {
      message: byteList(MAX_SIGNED).is('A signed market.tunnel-open'),
      voucher: byteList(MAX_SIGNED).is('The last voucher of the job; empty before the first'),
    }),
  },
  /** Partner: the tunnel is open, under these terms. */
  opened: {
    kind: 10,
    body: record('TunnelOpened', {
      counted: u64.is('Units (bytes) that this job has come to so far'),
      limit: u64.is('Most units that the job can pay for'),
      intervalBytes: u64.is('What may be unpaid'),
      intervalMs: u32.is('For how long'),
      window: u32.is('Bytes that may be on their way on a stream, in each direction'),
      streams: u16.is('Streams at once'),
    }),
  },
  /** Client: pays for everything up to here. */
  voucher: {
    kind: 11,
    body: record('TunnelVoucher', {
      sent: u64.is('Bytes that the client sent in this tunnel, all of them before this frame'),
      received: u64.is('Bytes that it has received'),
      voucher: byteList(MAX_SIGNED).is('Signed, over all units of the job'),
    }),
  },
  /** Partner: the voucher is good and written down. */
  accepted: {
    kind: 12,
    body: record('TunnelAccepted', {
      units: u64.is('Units that are paid now'),
      sent: u64.is('Bytes that the partner sent in this tunnel, all of them before this frame'),
    }),
  },
  /** Partner: nothing is forwarded until a voucher comes. */
  stopped: { kind: 13, body: reason },
  /** Partner: it goes on. */
  resumed: { kind: 14, body: none },
  /** Both: is somebody there? */
  ping: { kind: 15, body: none },
  pong: { kind: 16, body: none },
  /** Client: end all streams; a last voucher follows the answer. */
  finish: { kind: 17, body: none },
  /** Partner: all streams are over; the counts stand still. */
  finished: { kind: 18, body: record('TunnelFinished', { sent: u64 }) },
  /** Both, last: why the connection ends. */
  close: { kind: 19, body: reason },
} as const;
const DATA = 1;

type Bodies = { readonly [N in keyof typeof FRAMES]: Infer<(typeof FRAMES)[N]['body']> };
export type FrameName = keyof Bodies;

/** A frame as it was read. */
export type Frame =
  | { readonly name: 'data'; readonly stream: number; readonly body: Uint8Array }
  | {
      [N in FrameName]: { readonly name: N; readonly stream: number; readonly body: Bodies[N] };
    }[FrameName];

const BY_KIND = new Map<number, { readonly name: FrameName; readonly body: Schema<unknown> }>(
  Object.entries(FRAMES).map(([name, { kind, body }]) => [
    kind,
    { name: name as FrameName, body: body as Schema<unknown> },
  ]),
);

/** Bytes of a frame. */
export function frame<N extends FrameName>(name: N, body: Bodies[N], stream = 0): Uint8Array {
  const { kind, body: schema } = FRAMES[name];
  return withHead(kind, stream, encode(schema as Schema<unknown>, body));
}

/** Bytes of a data frame; at most `MAX_FRAME_BODY` of payload. */
export function dataFrame(stream: number, payload: Uint8Array): Uint8Array {
  return withHead(DATA, stream, payload);
}

function withHead(kind: number, stream: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD + body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  view.setUint32(1, stream);
  view.setUint16(5, body.length);
  bytes.set(body, HEAD);
  return bytes;
}

/** Cuts what arrives into frames, in pieces of any size. Keeps less than one frame. */
export class FrameReader {
  #rest = new Uint8Array(0);

  /**
   * The frames that are whole with these bytes. Bodies of data are views of what was given.
   * @throws PalisadeError `access/bad-frame` at the first byte that cannot be
   */
  *read(chunk: Uint8Array): Generator<Frame> {
    let bytes = this.#rest.length > 0 ? concat(this.#rest, chunk) : chunk;
    this.#rest = new Uint8Array(0);
    while (bytes.length >= HEAD) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD);
      const length = view.getUint16(5);
      // Judged by the head alone: nobody fills the memory with the start of a frame that is void.
      if (length > MAX_FRAME_BODY) throw badFrame(`a body of ${length} bytes is too long`);
      const form = formOf(bytes[0]!);
      if (bytes.length < HEAD + length) break;
      yield readOne(form, view.getUint32(1), bytes.subarray(HEAD, HEAD + length));
      bytes = bytes.subarray(HEAD + length);
    }
    this.#rest = bytes.slice();
  }
}

type Form = { readonly name: FrameName; readonly body: Schema<unknown> } | 'data';

function formOf(kind: number): Form {
  const form = kind === DATA ? 'data' : BY_KIND.get(kind);
  if (form === undefined) throw badFrame(`there is no kind ${kind}`);
  return form;
}

function readOne(form: Form, stream: number, bytes: Uint8Array): Frame {
  if (form === 'data') {
    // An empty one costs work and no money.
    if (bytes.length === 0) throw badFrame('data without a byte');
    return { name: 'data', stream, body: bytes };
  }
  try {
    return { name: form.name, stream, body: decode(form.body, bytes) } as Frame;
  } catch (error) {
    if (error instanceof PalisadeError) throw badFrame(`${form.name}: ${error.message}`);
    throw error;
  }
}

function badFrame(why: string): PalisadeError {
  return new PalisadeError({
    code: 'access/bad-frame',
    message: `The other side of the tunnel sent a frame that cannot be: ${why}`,
  });
}
