/** A metered TCP tunnel: its frames, its streams, and the client's end (spec/access.md). */
export {
  type Frame,
  FrameReader,
  frame,
  MAX_FRAME_BODY,
  MAX_HOST,
  type Reason,
  TUNNEL_PATH,
  TUNNEL_PROTOCOL,
  TUNNEL_VERSION,
} from './frames.ts';
export { type ByteSocket, reasonOf, TunnelLink } from './link.ts';
export { pump } from './pump.ts';
export { type StreamHandler, Streams, TunnelStream } from './streams.ts';
export {
  openTunnel,
  type Payer,
  type Tunnel,
  type TunnelOptions,
  type TunnelTotals,
} from './tunnel.ts';
