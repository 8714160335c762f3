import { test } from 'vitest';
import { closeCalls } from '../support/closed-calls.js';

test('a hundred closed calls: all attributes right, one write for each member whose attributes change', async () => {
  await closeCalls(100, 60);
}, 300_000);
