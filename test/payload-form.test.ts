import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepPayload, readPayload } from '../src/store/payload-form.js';

test('whatever the bytes are, they come back as they came in', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 5000 }),
    fc.string({ unit: 'binary', maxLength: 5000 }).map((text) => new Uint8Array(Buffer.from(text))),
    fc.nat({ max: 400_000 }).map((length) => new Uint8Array(length).fill(120)),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      const kept = keepPayload(given);
      expect(kept.size).toBe(given.length);
      expect(kept.body.length).toBeLessThanOrEqual(given.length);
      expect(Buffer.compare(readPayload(kept), given)).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('a notification takes less than half of its length', () => {
  const parts = Array.from({ length: 12 }, (_, id) => ({
    type: 'conversation_part',
    id: String(id * 7919),
    body: `<p>Call me at ${id}</p>`,
    author: { type: 'admin', id: String(id % 3), name: 'Coach' },
  }));
  const bytes = Buffer.from(JSON.stringify({ topic: 'conversation.admin.replied', parts }));
  expect(keepPayload(bytes).body.length).toBeLessThan(bytes.length / 2);
});

test('what is damaged comes back as it is kept, and never grows beyond what it was', () => {
  const kept = keepPayload(Buffer.alloc(2000, 'x'));
  const damaged = Buffer.from('no brotli');
  expect(readPayload({ ...kept, body: damaged })).toBe(damaged);
  expect(readPayload({ ...kept, size: 1999 })).toBe(kept.body);
});
