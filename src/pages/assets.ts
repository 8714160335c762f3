import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';

const FILES = {
  'pages.css': 'text/css; charset=utf-8',
  'pages.js': 'text/javascript; charset=utf-8',
  'messenger.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;
type FileName = keyof typeof FILES;

/** Style and script of the pages. Their addresses hold a hash of their content, so browsers may keep them for ever. */
export interface Assets {
  href(name: FileName): string;
  readonly routes: Hono;
}

interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  readonly zipped: () => Buffer;
}

/** Compressed once, when a browser first asks for it: a program that shows no page does not wait for that. */
function createAsset(type: string, plain: Buffer): Asset {
  let zipped: Buffer | null = null;
  return { type, plain, zipped: () => (zipped ??= gzipSync(plain, { level: 9 })) };
}

/** @throws Error when they have not been built. */
export function readAssets(): Assets {
  const directory = findDirectory();
  const hrefs = new Map<string, string>();
  const byHref = new Map<string, Asset>();
  for (const [name, type] of Object.entries(FILES)) {
    const plain = readFileSync(`${directory}${name}`);
    const hash = createHash('sha256').update(plain).digest('hex').slice(0, 12);
    const href = `/assets/${name.replace('.', `.${hash}.`)}`;
    hrefs.set(name, href);
    byHref.set(href, createAsset(type, plain));
  }

  const routes = new Hono();
  routes.get('/assets/:file', (context) => {
    const asset = byHref.get(context.req.path);
    if (asset === undefined) return context.notFound();
    const takesGzip = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
    if (takesGzip) context.header('content-encoding', 'gzip');
    return context.body(new Uint8Array(takesGzip ? asset.zipped() : asset.plain), 200, {
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
  });
  return { href: (name) => hrefs.get(name) ?? '', routes };
}

/** Beside the built program, or where `npm run build` puts them when the program runs from its sources. */
function findDirectory(): string {
  const directories = ['./assets/', '../../dist/pages/assets/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = directories.find((directory) => existsSync(`${directory}pages.css`));
  if (found === undefined) throw new Error('the pages have not been built: run `npm run build`');
  return found;
}
