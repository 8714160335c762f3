import { pino } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * One canonical line per step. Only named fields are ever logged (ids, counts, codes, durations); objects from
 * Intercom never are, and the names below are a second net for personal data and secrets.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// prettier-ignore
const SECRET_OR_PERSONAL: ReadonlySet<string> = new Set([
  'name', 'email', 'phone', 'body', 'attributes', 'custom_attributes', 'token', 'accessToken', 'secret',
  'clientSecrets', 'apiTokens', 'authorization', 'cookie',
]);

export function createLog(options: {
  readonly level: LogLevel;
  /** Takes each line; standard output when left out. */
  readonly write?: (line: string) => void;
}): Log {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: hideFields },
    serializers: { err: describeError },
  };
  return options.write === undefined ? pino(settings) : pino(settings, { write: options.write });
}

/** Pino's own `redact` takes longer than all the rest of a line. */
function hideFields(fields: Record<string, unknown>): Record<string, unknown> {
  return hide(fields, (value) => (isPlain(value) ? hide(value, (inner) => inner) : value));
}

/** `fields` itself where nothing is to be hidden. */
function hide(fields: Record<string, unknown>, inside: (value: unknown) => unknown): Record<string, unknown> {
  let shown = fields;
  for (const [key, value] of Object.entries(fields)) {
    const as = SECRET_OR_PERSONAL.has(key) ? '[hidden]' : inside(value);
    if (as !== value) shown = { ...shown, [key]: as };
  }
  return shown;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

/** Error messages of libraries can quote data; only our own messages and code positions are written down. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const positions = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  const own = error.name === 'AppError' ? { message: error.message } : {};
  return {
    type: error.name,
    ...own,
    ...('code' in error ? { code: error.code } : {}),
    at: positions.slice(0, 4).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** A notification's id as it may be logged: Intercom chooses it, so nothing that could be more than an id is. */
export function eventId(key: string | null): string | null {
  return key !== null && /^[\w:-]{1,160}$/.test(key) ? key : null;
}
