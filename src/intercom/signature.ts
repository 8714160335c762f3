import { createHmac, timingSafeEqual } from 'node:crypto';

const HEADER_SHAPE = /^sha1=([0-9a-f]{40})$/i;

/**
 * True when `header` (`X-Hub-Signature`) is the signature of exactly these bytes under one of the secrets.
 *
 * Intercom signs the raw request body with HMAC-SHA1 under the app's client secret and sends `sha1=<40 hex>`
 * (Intercom's webhook reference). Every secret is tried whatever the others say, each in constant time; an empty
 * secret verifies nothing.
 */
export function verifySignature(
  body: Uint8Array,
  header: string | null | undefined,
  secrets: readonly string[],
): boolean {
  const hex = HEADER_SHAPE.exec(header ?? '')?.[1];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, 'hex');
  let isGenuine = false;
  for (const secret of secrets) {
    if (secret === '') continue;
    const expected = digest(body, secret);
    if (expected.length === given.length && timingSafeEqual(expected, given)) isGenuine = true;
  }
  return isGenuine;
}

/** The value of `X-Hub-Signature` that Intercom would send with these bytes. */
export function signBody(body: Uint8Array, secret: string): string {
  return `sha1=${digest(body, secret).toString('hex')}`;
}

function digest(body: Uint8Array, secret: string): Buffer {
  return createHmac('sha1', secret).update(body).digest();
}
