import { createMiddleware } from 'hono/factory';
import { secureHeaders } from 'hono/secure-headers';

/** On answers that no browser has to show anything of; as few as that takes, because webhooks carry them too. */
export const BARE_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
} as const;

const addAll = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  // Not `no-referrer`: with it browsers hide the origin of our own forms from us.
  referrerPolicy: 'same-origin',
  xFrameOptions: 'DENY',
  // A page says itself what it may load.
  overwrite: false,
});

/** On every answer but a webhook's. What says nothing of caches holds personal data, or may: no cache keeps it. */
export const addSecureHeaders = createMiddleware(async (context, next) => {
  await addAll(context, next);
  if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
});
