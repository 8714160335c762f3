import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles what browsers load into `dist/pages/assets`. Run by `npm run build`, and before tests that answer pages.
 * Files are put in place whole, so that two runs at once never show half of one.
 */
export async function buildPages(): Promise<void> {
  const directory = 'dist/pages/assets';
  const { outputFiles } = await build({
    entryPoints: ['pages.ts', 'messenger.ts', 'pages.css', 'icon.svg'].map((name) =>
      join('src/pages/client', name),
    ),
    outdir: directory,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome109', 'firefox115', 'safari16'],
    loader: { '.svg': 'copy' },
    legalComments: 'inline',
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(directory, { recursive: true });
  for (const { path, contents } of outputFiles) {
    const half = `${path}.${process.pid}`;
    writeFileSync(half, contents);
    renameSync(half, join(directory, basename(path)));
  }
}

if (process.argv[1] === import.meta.filename) await buildPages();
