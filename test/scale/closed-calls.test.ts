import { expect, test } from 'vitest';
import { closeCalls } from '../support/closed-calls.js';

test('a hundred closed calls: all attributes right, one write for each member whose attributes change', async () => {
  expect(await closeCalls(100, 60)).toEqual({ wrong: [], changed: 100, writes: 100 });
}, 300_000);
