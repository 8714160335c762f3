/** `engines` in package.json. An older Node dies in better-sqlite3 with a segmentation fault, without a word. */
export const MIN_NODE = '22.18.0';

/** `version` as in `process.versions.node`, `22.18.0`. */
export function isNodeTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = MIN_NODE.split('.').map(Number);
  return major < minMajor || (major === minMajor && minor < minMinor);
}
