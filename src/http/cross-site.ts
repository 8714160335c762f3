import type { Context } from 'hono';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * True for a request that changes something and that a browser sent on behalf of another site. Browsers say so in
 * `Sec-Fetch-Site` (on https and localhost) or in `Origin` (always, with such methods); neither can be set by a page.
 * What carries neither is no browser, and brings no cookie or network position that is not its own.
 */
export function isCrossSiteChange(context: Context): boolean {
  if (SAFE_METHODS.has(context.req.method)) return false;
  const site = context.req.header('sec-fetch-site');
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const origin = context.req.header('origin');
  return origin !== undefined && hostOf(origin) !== hostHeader(context);
}

/** The host that the request names, with its port where it has one. */
export function hostHeader(context: Context): string {
  return context.req.header('host') ?? new URL(context.req.url).host;
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
