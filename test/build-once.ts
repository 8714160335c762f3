import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildPages } from '../pages.config.js';
import { BUNDLE_DIRECTORY } from './support/bundle-directory.js';

// Of the program itself nothing is loaded here: that takes longer than both bundles.
/** What tests share and would otherwise each wait for: what browsers load, and the command line in one file. */
export async function setup(): Promise<void> {
  await Promise.all([buildPages(), bundleCommandLine()]);
  cpSync('dist/pages/assets', join(BUNDLE_DIRECTORY, 'assets'), { recursive: true });
}

/**
 * Loading one file takes a third of a second less than hundreds, and no compiler at all: tests start it often. The
 * thread of the reports is looked for beside it.
 */
async function bundleCommandLine(): Promise<void> {
  mkdirSync(BUNDLE_DIRECTORY, { recursive: true });
  await build({
    entryPoints: { main: 'src/main.ts', 'report-thread': 'src/reports/thread/report-thread.ts' },
    outdir: BUNDLE_DIRECTORY,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    // Finds its compiled part beside itself.
    external: ['better-sqlite3', 'pg'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
