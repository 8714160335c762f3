import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/**
 * The address that a request comes from. A proxy on this machine says it in `X-Forwarded-For`, whose last entry is the
 * one that it has added itself; what stands before that is only claimed.
 */
export function clientAddress(context: Context): string {
  const peer =
    context.env === undefined || !('incoming' in Object(context.env))
      ? undefined
      : getConnInfo(context).remote.address;
  if (peer !== undefined && !LOOPBACK.test(peer)) return peer;
  const forwarded = context.req.header('x-forwarded-for')?.split(',').at(-1)?.trim();
  return forwarded === undefined || forwarded === '' ? (peer ?? 'unknown') : forwarded;
}
