import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signBody, verifySignature } from '../src/intercom/signature.js';

const SECRET = 'a-client-secret';
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a signature', () => {
  it('is the HMAC-SHA1 of the raw bytes, in hex behind sha1=', () => {
    // Test case 2 of RFC 2202.
    const body = encode('what do ya want for nothing?');
    expect(signBody(body, 'Jefe')).toBe('sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79');
    expect(verifySignature(body, 'sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79', ['Jefe'])).toBe(true);
    expect(verifySignature(body, 'SHA1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79', ['Jefe'])).toBe(true);
  });

  it('verifies under any of the secrets, whichever place it has', () => {
    const body = encode('{}');
    const header = signBody(body, SECRET);
    expect(verifySignature(body, header, [SECRET, 'the-next-secret'])).toBe(true);
    expect(verifySignature(body, header, ['the-next-secret', SECRET])).toBe(true);
    expect(verifySignature(body, header, ['the-next-secret'])).toBe(false);
    expect(verifySignature(body, header, [])).toBe(false);
  });

  it('is never verified by an empty secret', () => {
    const body = encode('{}');
    const digest = createHmac('sha1', '').update(body).digest('hex');
    expect(verifySignature(body, `sha1=${digest}`, [''])).toBe(false);
  });

  it.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['without algorithm', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['of another algorithm', 'sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['too short', 'sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c7'],
    ['too long', 'sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c790'],
    ['not hex', 'sha1=zffcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['two at once', 'sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79, sha1=00'],
  ])('is refused when it is %s', (_what, header) => {
    expect(verifySignature(encode('what do ya want for nothing?'), header, ['Jefe'])).toBe(false);
  });

  it('verifies every body, and none of which a single byte was changed', () => {
    const bodies = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(bodies, fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, by) => {
        const header = signBody(body, SECRET);
        expect(verifySignature(body, header, [SECRET])).toBe(true);
        const changed = body.map((byte, index) => (index === at % body.length ? byte ^ by : byte));
        expect(verifySignature(changed, header, [SECRET])).toBe(false);
      }),
    );
  });
});
