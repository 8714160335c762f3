import { z } from 'zod';
import { LOG_LEVELS } from '../log.js';
import { isTimeZone } from '../rules/calendar.js';
import { DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL } from '../rules/vocabulary.js';
import {
  areInOnePiece,
  canonicalZone,
  commaList,
  isCron,
  isFilePath,
  isHost,
  isPlainAddress,
  isPlainPath,
  isPostgresUrl,
  isSiteAddress,
  PLAIN_PATH,
  wrongKeys,
} from './setting-values.js';
import { areProxies, DEFAULT_TRUSTED_PROXIES } from './trusted-proxies.js';

function wholeNumber(range: { readonly min: number; readonly max: number }, fallback: number) {
  const message = `must be a whole number from ${range.min} to ${range.max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, message)
    .default(fallback);
}

const EXAMPLE_OF_PROGRAMS = 'such as {"Counter Health":"Smart Access"}';

const programs = z
  .string()
  .transform((text, context) => {
    try {
      const parsed: unknown = JSON.parse(text);
      const problem = wrongKeys(text);
      if (problem === null) return parsed;
      context.addIssue(problem);
    } catch {
      context.addIssue(`must be a JSON object of Referral to program, ${EXAMPLE_OF_PROGRAMS}`);
    }
    return z.NEVER;
  })
  .pipe(
    z.record(
      z.string(),
      z
        .string('must be a JSON object whose values are program names')
        .max(255, 'must not hold a program of more than 255 characters: Intercom keeps no longer text')
        .regex(/\S/, 'must not hold an empty program name')
        .regex(/^\S(?:[^]*\S)?$/, 'must not hold a program name with blanks around it'),
      `must be a JSON object whose values are program names, ${EXAMPLE_OF_PROGRAMS}`,
    ),
  )
  .default({ ...DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL });

/**
 * Each variable with its default and the sentence that a wrong value is answered with. `.env.example` and
 * docs/operating.md are checked against the keys of this object.
 */
export const SETTINGS = z.object({
  INTERCOM_ACCESS_TOKEN: z
    .string('is required: the access token of your Intercom app (Developer Hub, Configure, Authentication)')
    .min(8, 'is too short to be an access token')
    .regex(/^[\x21-\x7e]+$/, 'must be the token alone, without spaces and without the word Bearer'),
  INTERCOM_CLIENT_SECRET: z
    .string(
      'is required: the client secret of your Intercom app (Developer Hub, Basic information); it signs webhooks',
    )
    .transform(commaList)
    .refine(
      (list) => list.length >= 1 && list.length <= 2 && areInOnePiece(list),
      'must hold one secret, or two separated by a comma (not by a blank or a semicolon)',
    )
    .refine((list) => list.every((secret) => secret.length >= 8), 'is too short to be a client secret'),
  INTERCOM_VERSION: z
    .string()
    .regex(/^2\.1[0-7]$/, 'must be an Intercom API version from 2.10 to 2.17')
    .default('2.10'),
  INTERCOM_API_BASE: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address such as https://api.eu.intercom.io' })
    .refine(
      isPlainAddress,
      'must be an address without user, password, query or fragment, and without a path, such as https://api.eu.intercom.io',
    )
    .transform((url) => new URL(url).origin)
    .default('https://api.intercom.io'),
  INTERCOM_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an Intercom app id (the workspace id), such as ab12cd34')
    .nullable()
    .default(null),
  INTERCOM_MESSENGER_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{8,}$/, "must be the Messenger's API secret alone (Settings, Messenger, Security)")
    .nullable()
    .default(null),
  HOST: z
    .string()
    .refine(
      isHost,
      'must be an address of this machine to listen on, such as 127.0.0.1, ::1 or 0.0.0.0, without http:// and port',
    )
    .default('127.0.0.1'),
  PORT: wholeNumber({ min: 0, max: 65_535 }, 3000),
  DATABASE_PATH: z
    .string()
    .refine(isPlainPath, PLAIN_PATH)
    .refine(
      isFilePath,
      'must be the path of a file such as ./data/engagement.db: what is only in memory is lost with the process',
    )
    .default('./data/engagement.db'),
  DATABASE_URL: z
    .string()
    .refine(
      isPostgresUrl,
      'must be the address of a Postgres database such as postgres://user:password@host:5432/engagement, with special characters of the password as %40',
    )
    .nullable()
    .default(null),
  DATABASE_CONNECTIONS: wholeNumber({ min: 2, max: 200 }, 10),
  DATABASE_REPORT_CONNECTIONS: wholeNumber({ min: 1, max: 100 }, 4),
  API_TOKENS: z
    .string()
    .transform(commaList)
    .refine(
      (list) => list.length > 0 && list.every((token) => token.length >= 16) && areInOnePiece(list),
      'must hold tokens of at least 16 characters each, separated by commas (not by blanks or semicolons)',
    )
    .default([]),
  AUTH: z.enum(['token', 'proxy'], 'must be token or proxy').default('token'),
  PUBLIC_URL: z
    .string()
    .transform(commaList)
    .refine(
      (list) => list.length > 0 && list.every(isSiteAddress),
      'must hold http(s) addresses without a path, such as https://engagement.example.com, comma separated',
    )
    .transform((list) => list.map((address) => new URL(address).hostname.replace(/\.$/, '')))
    .default([]),
  TRUSTED_PROXIES: z
    .string()
    .transform(commaList)
    .refine(
      (list) => list.length > 0 && areProxies(list),
      'must hold IP addresses, CIDR ranges such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, comma separated',
    )
    .default([...DEFAULT_TRUSTED_PROXIES]),
  REPORT_TIMEZONE: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone such as America/New_York')
    .transform(canonicalZone)
    .default('America/New_York'),
  BACKFILL_DAYS: wholeNumber({ min: 0, max: 3650 }, 365),
  SWEEP_EVERY_MINUTES: wholeNumber({ min: 0, max: 1440 }, 5),
  RECONCILE_CRON: z
    .string()
    .refine(isCron, 'must be a cron pattern of five fields such as "0 2 * * *", or off')
    .default('0 2 * * *')
    .transform((pattern) => (pattern === 'off' ? null : pattern)),
  MAX_SWEEP_CHANGE_SHARE: z
    .string()
    .regex(/^(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/, 'must be a number from 0 to 1, such as 0.2')
    .transform(Number)
    .default(0.2),
  SETTLE_AFTER_SECONDS: wholeNumber({ min: 0, max: 86_400 }, 120),
  DRAIN_SECONDS: wholeNumber({ min: 0, max: 60 }, 0),
  DRY_RUN: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((text) => text === 'true')
    .default(false),
  ELIGIBLE_PROGRAMS_BY_REFERRAL: programs,
  EXPORT_DIR: z.string().refine(isPlainPath, PLAIN_PATH).default('./exports'),
  PAYLOAD_RETENTION_DAYS: wholeNumber({ min: 1, max: 3650 }, 30),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

/** The variables this program reads, in the order of the documentation. */
export const VARIABLES = Object.keys(SETTINGS.shape);
