import { AppError } from '../../errors.js';

/**
 * SQLSTATE codes that say "not now": connection lost (08), a standby (25006), given up in a transaction (25P02 and
 * 25P03 follow from a failure before), transactions that met (40), no room (53), waited too long (55P03, 57014), the server
 * stops or starts (57P), the disk (58).
 */
const UNAVAILABLE = /^(?:08...|25006|25P0[23]|40...|53...|55P03|57014|57P0[1235]|58...)$/;
/** What waiting does not fix, with what to do. */
const NEVER: Readonly<Record<string, string>> = {
  '28000': 'it does not let this user in: check its URL',
  '28P01': 'it does not accept the user or the password: check its URL',
  '3D000': 'there is no database of this name: make it, or check its URL',
  '42501': 'its user may not do that: give it the tables, or the right to make them',
  '42P01': 'its tables are missing: start the service once, which makes them',
  XX001: 'its data is damaged: restore a backup',
  XX002: 'an index of it is damaged: rebuild that with REINDEX',
};
/** Of sockets and of looking up names. */
const UNREACHABLE = new Set([
  'EACCES', 'EAI_AGAIN', 'ECONNABORTED', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT',
  'ENOTFOUND', 'EPIPE', 'ETIMEDOUT',
]); // prettier-ignore
/** The driver tells these apart by their text alone. */
const DRIVER_SAYS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (?:was closed|has encountered)|Cannot use a pool after)/;

/** What an error of the database means to the rest of the product; anything else is a defect and passes unchanged. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : null;
    const why = code === null ? undefined : NEVER[code];
    if (why !== undefined) {
      return new AppError('store_unavailable', 'never', `the database can't be used: ${why} (${code})`, {
        cause: error,
      });
    }
    const isOut =
      code === null ? DRIVER_SAYS.test(at.message) : UNAVAILABLE.test(code) || UNREACHABLE.has(code);
    if (isOut) {
      const what = code === null ? 'the connection was lost' : code;
      return new AppError('store_unavailable', 'later', `the database can't be used now (${what})`, {
        cause: error,
      });
    }
  }
  return error;
}

/** The promise of what `work` returns; errors of the database reject as `AppError('store_unavailable')`. */
export async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw asStoreError(error);
  }
}
