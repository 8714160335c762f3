import { expect, test } from 'vitest';
import { pageThrough } from '../support/population-pages.js';

test('10,000 members with about 100,000 conversations can be made and paged through', async () => {
  const { conversations, seen } = await pageThrough({ members: 10_000, seed: 5 }, 20);
  expect(conversations).toBeGreaterThan(80_000);
  expect(conversations).toBeLessThan(120_000);
  expect(seen).toBe(3000);
}, 120_000);
