export { decodeRlp, encodeRlp, type RlpBounds, type RlpItem } from './rlp.ts';
