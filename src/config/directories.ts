import { readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** Of symbolic links on the way; the system itself follows no more. */
const MAX_LINKS = 40;

/**
 * True when `inner` is `outer` or lies below it, whatever their spelling: through symbolic links, another mount of the
 * same directory, or other capitals where the file system doesn't tell them apart. Neither has to exist.
 */
export function isWithin(outer: string, inner: string): boolean {
  const [top, start] = [realPlace(outer), realPlace(inner)];
  const way = relative(top, start);
  if (way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))) return true;
  const wanted = idOf(top);
  if (wanted === null) return false;
  for (let at = start; ; at = dirname(at)) {
    if (idOf(at) === wanted) return true;
    if (dirname(at) === at) return false;
  }
}

/** Where `path` is, or would be made, without symbolic links. */
function realPlace(path: string, links = 0): string {
  const place = resolve(path);
  try {
    return realpathSync.native(place);
  } catch {
    // A link that leads to nothing yet will lead somewhere once that is made.
    const target = links < MAX_LINKS ? linkTarget(place) : null;
    if (target !== null) return realPlace(target, links + 1);
    return dirname(place) === place
      ? place
      : join(realPlace(dirname(place), links + 1), place.slice(dirname(place).length));
  }
}

function linkTarget(path: string): string | null {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    // No link, nothing there, or out of our reach.
    return null;
  }
}

function idOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}/${ino}`;
  } catch {
    return null;
  }
}
