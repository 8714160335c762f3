import { defineConfig } from 'vitest/config';

const setupFiles = ['test/setup.ts'];
// Bundles what browsers load, which the app insists on.
const globalSetup = ['test/build-pages.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/*.test.ts'],
          setupFiles,
          globalSetup,
          restoreMocks: true,
          unstubGlobals: true,
        },
      },
      // Against the official Intercom descriptions, which are not part of this repository (INTERCOM_OPENAPI_DIR).
      { test: { name: 'contract', include: ['test/contract/*.test.ts'], setupFiles } },
      // A real child process, killed again and again: takes about half a minute.
      { test: { name: 'crash', include: ['test/crash/*.test.ts'], setupFiles } },
    ],
  },
});
