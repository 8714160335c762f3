import { createHash } from 'node:crypto';

/**
 * An ETag of everything that an answer depends on. Weak, because answers that mean the same differ in `generatedAt`.
 */
export function entityTag(parts: readonly string[]): string {
  return `W/"${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)}"`;
}

/** True when `If-None-Match` names the tag; compared weakly, as RFC 9110 asks of it. */
export function matchesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (text: string): string => text.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').map(opaque).includes(opaque(tag));
}
