import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'intercom-engagement';

/** This program's version, from the nearest `package.json` above that is its own. */
export const VERSION = readVersion(dirname(fileURLToPath(import.meta.url)));

function readVersion(directory: string): string {
  const file = join(directory, 'package.json');
  const about: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  if (typeof about === 'object' && about !== null && 'name' in about && about.name === NAME) {
    return 'version' in about && typeof about.version === 'string' ? about.version : 'unknown';
  }
  const above = dirname(directory);
  return above === directory ? 'unknown' : readVersion(above);
}

/** `engines` in package.json. An older Node dies in better-sqlite3 with a segmentation fault, without a word. */
export const MIN_NODE = '22.18.0';

/** `version` as in `process.versions.node`, `22.18.0`. */
export function isNodeTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = MIN_NODE.split('.').map(Number);
  return major < minMajor || (major === minMajor && minor < minMinor);
}
