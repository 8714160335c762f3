import { afterEach, beforeEach, expect, vi } from 'vitest';

// Output nobody expected is a failure: a warning in a test run is a defect that nobody has looked at yet.
const complaints: string[] = [];

// What Node itself warns of, such as listeners that are never taken away.
process.on('warning', (warning) => complaints.push(`${warning.name}: ${warning.message}`));

beforeEach(() => {
  complaints.length = 0;
  for (const method of ['warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((...words: unknown[]) => {
      complaints.push(`console.${method}: ${words.map(String).join(' ')}`);
    });
  }
});

afterEach(() => {
  expect(complaints).toEqual([]);
});
