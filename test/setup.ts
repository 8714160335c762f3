import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';

// Output nobody expected is a failure: a warning in a test run is a defect that nobody has looked at yet.
const complaints: string[] = [];

/** What Node itself warns of, such as listeners that are never taken away. */
function hearWarning(warning: Error): void {
  complaints.push(`${warning.name}: ${warning.message}`);
}
beforeAll(() => {
  process.on('warning', hearWarning);
});
afterAll(() => {
  process.off('warning', hearWarning);
});

// A server puts its own in their place for the whole process, the files that follow included; then msw doesn't know its
// answers any more. Remembered by the first of them.
const PLATFORM = Symbol.for('intercom-engagement: Request and Response of the platform');
if (!Reflect.has(globalThis, PLATFORM)) {
  Reflect.set(globalThis, PLATFORM, { Request: globalThis.Request, Response: globalThis.Response });
}
beforeAll(() => {
  Object.assign(globalThis, Reflect.get(globalThis, PLATFORM));
});

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
