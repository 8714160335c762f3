import { LOG_LEVELS, type LogLevel } from '../log.js';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isWithin } from './directories.js';
import { isTimeZone } from '../rules/calendar.js';
import { areProxies, DEFAULT_TRUSTED_PROXIES } from './trusted-proxies.js';
import { DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL } from '../rules/vocabulary.js';
import { namesNotRead, visibleName, type NameNotRead } from './setting-names.js';
import {
  areInOnePiece,
  canonicalZone,
  commaList,
  isCron,
  isFilePath,
  isHost,
  isPlainAddress,
  isPlainPath,
  isSiteAddress,
  PLAIN_PATH,
  wrongKeys,
  wrongQuotes,
} from './setting-values.js';
import { readSettingsFile } from './settings-file.js';
import { wrongSettings } from '../errors.js';

/** Everything the service can be told from outside. The only reader of `process.env`. */
export interface Config {
  readonly accessToken: string;
  /** One secret, or two while rotating. */
  readonly clientSecrets: readonly string[];
  readonly intercomVersion: string;
  readonly intercomApiBase: string;
  /** Null: no Messenger on the pages. */
  readonly intercomAppId: string | null;
  /** Null: the Messenger is told nothing of who is signed in. */
  readonly messengerSecret: string | null;
  readonly host: string;
  readonly port: number;
  readonly databasePath: string;
  readonly apiTokens: readonly string[];
  readonly auth: 'token' | 'proxy';
  /** Host names of `PUBLIC_URL`, answered besides loopback names. */
  readonly publicHosts: readonly string[];
  /** Addresses, CIDRs or names of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly timeZone: string;
  readonly backfillDays: number;
  /** 0: no sweep but the daily reconciliation. */
  readonly sweepEveryMinutes: number;
  /** Null: no daily reconciliation. */
  readonly reconcileCron: string | null;
  readonly maxSweepChangeShare: number;
  readonly settleAfterSeconds: number;
  readonly dryRun: boolean;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  readonly exportDir: string;
  readonly payloadRetentionDays: number;
  readonly logLevel: LogLevel;
}

/** What a report on the command line needs: nothing of Intercom. */
export type ReportConfig = Pick<Config, 'databasePath' | 'timeZone' | 'exportDir'>;

const LOOPBACK_HOSTS = new Set(['127.0.0.1', '::1', 'localhost']);

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
const environment = z.object({
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
export const VARIABLES = Object.keys(environment.shape);

export type Environment = Readonly<Record<string, string | undefined>>;

/** For values that belong together; only those that are well-formed by themselves. */
type CrossCheck = (values: Readonly<Partial<z.infer<typeof environment>>>) => readonly string[];

/** An empty variable counts as unset. */
function readEnvironment<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Environment,
  crossCheck: CrossCheck,
) {
  const visible = visibleEnvironment(env);
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => {
      const value = visible[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const parsed = schema.safeParse(given);
  // One sentence for each variable: the first says most.
  const problems = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const problem = wrongQuotes(value);
    if (problem !== null) problems.set(name, problem);
  }
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    if (!problems.has(name)) problems.set(name, message);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!problems.has(name) && /[\p{Cc}\u200b\u2060\ufeff]/u.test(value)) {
      problems.set(name, "must not hold line breaks or other characters that can't be seen");
    }
  }
  const wellFormed = Object.entries(environment.shape).flatMap(([name, field]) => {
    if (problems.has(name) || !(name in schema.shape)) return [];
    const { success, data } = field.safeParse(given[name]);
    return success ? [[name, data] as const] : [];
  });
  const lines = Object.keys(schema.shape).flatMap((name) =>
    problems.has(name) ? [`${name} ${problems.get(name)}`] : [],
  );
  lines.push(...crossCheck(Object.fromEntries(wellFormed)));
  if (lines.length > 0 || !parsed.success) throw wrongSettings(lines);
  return parsed.data;
}

/** A name that a byte order mark or a blank has crept into is read as it looks. */
function visibleEnvironment(env: Environment): Environment {
  const disguised = Object.keys(env).filter((name) => visibleName(name) !== name);
  if (disguised.length === 0) return env;
  const seen = disguised.map((name) => [visibleName(name), env[name]]);
  const given = Object.entries(env).filter(([, value]) => (value ?? '').trim() !== '');
  return Object.fromEntries([...seen, ...given]);
}

/** Exports must not reach what they could overwrite: the database with its logs, and this program. */
const checkDirectories: CrossCheck = ({ DATABASE_PATH: databasePath, EXPORT_DIR: exportDir }) => {
  if (databasePath === undefined || exportDir === undefined) return [];
  const precious = [
    { directory: dirname(databasePath), what: 'the database' },
    { directory: fileURLToPath(new URL('..', import.meta.url)), what: 'this program' },
  ];
  return precious.flatMap(({ directory, what }) =>
    isWithin(exportDir, directory)
      ? [
          `EXPORT_DIR must not be the directory of ${what}, nor one that it lies in: choose one of its own, such as ./exports`,
        ]
      : [],
  );
};

const checkHost: CrossCheck = ({ API_TOKENS: apiTokens, AUTH: auth, HOST: host }) => {
  if (host === undefined || auth !== 'token' || apiTokens?.length !== 0 || LOOPBACK_HOSTS.has(host))
    return [];
  return [
    `HOST must be 127.0.0.1 while API_TOKENS is unset, so that nobody else can read the reports: set API_TOKENS, ` +
      `or AUTH=proxy when a proxy in front of this service signs people in`,
  ];
};

/** Names in `env` that were probably meant as settings and are not read. */
export function unreadSettings(env: Environment): readonly NameNotRead[] {
  return namesNotRead(env, VARIABLES);
}

/**
 * Reads and checks what a report on the command line needs.
 * @throws AppError `config_invalid` as {@link readConfig} does.
 */
export function readReportConfig(env: Environment): ReportConfig {
  const wanted = environment.pick({ DATABASE_PATH: true, REPORT_TIMEZONE: true, EXPORT_DIR: true });
  const values = readEnvironment(wanted, env, checkDirectories);
  return {
    databasePath: values.DATABASE_PATH,
    timeZone: values.REPORT_TIMEZONE,
    exportDir: values.EXPORT_DIR,
  };
}

/**
 * `DATABASE_PATH` alone, for commands that need nothing else.
 * @throws AppError `config_invalid`
 */
export function readDatabasePath(env: Environment): string {
  return readEnvironment(environment.pick({ DATABASE_PATH: true }), env, () => []).DATABASE_PATH;
}

/**
 * `PORT` alone, for the sandbox, which brings all other settings itself.
 * @throws AppError `config_invalid`
 */
export function readPort(env: Environment): number {
  return readEnvironment(environment.pick({ PORT: true }), env, () => []).PORT;
}

/**
 * Reads and checks the environment. An empty variable counts as unset.
 * @throws AppError `config_invalid` whose message names every wrong variable and what it may be, never its value.
 */
export function readConfig(env: Environment): Config {
  const values = readEnvironment(environment, env, (one) => [...checkHost(one), ...checkDirectories(one)]);
  return {
    accessToken: values.INTERCOM_ACCESS_TOKEN,
    clientSecrets: values.INTERCOM_CLIENT_SECRET,
    intercomVersion: values.INTERCOM_VERSION,
    intercomApiBase: values.INTERCOM_API_BASE,
    intercomAppId: values.INTERCOM_APP_ID,
    messengerSecret: values.INTERCOM_MESSENGER_SECRET,
    host: values.HOST,
    port: values.PORT,
    databasePath: values.DATABASE_PATH,
    apiTokens: values.API_TOKENS,
    auth: values.AUTH,
    publicHosts: values.PUBLIC_URL,
    trustedProxies: values.TRUSTED_PROXIES,
    timeZone: values.REPORT_TIMEZONE,
    backfillDays: values.BACKFILL_DAYS,
    sweepEveryMinutes: values.SWEEP_EVERY_MINUTES,
    reconcileCron: values.RECONCILE_CRON,
    maxSweepChangeShare: values.MAX_SWEEP_CHANGE_SHARE,
    settleAfterSeconds: values.SETTLE_AFTER_SECONDS,
    dryRun: values.DRY_RUN,
    eligibleProgramsByReferral: values.ELIGIBLE_PROGRAMS_BY_REFERRAL,
    exportDir: values.EXPORT_DIR,
    payloadRetentionDays: values.PAYLOAD_RETENTION_DAYS,
    logLevel: values.LOG_LEVEL,
  };
}

/**
 * The environment of this process with the variables of `./.env`, where there is one; what is set to something already
 * stays.
 * @throws AppError `config_invalid` when there is one that can't be read, or only in part.
 */
export function readProcessEnvironment(): Environment {
  const { env } = process;
  for (const [name, value] of Object.entries(readSettingsFile('.env', VARIABLES))) {
    if ((env[name] ?? '').trim() === '') env[name] = value;
  }
  return env;
}

/** What the start-up line may say: secrets appear only as "set". */
export function describeConfig(config: Config): Readonly<Record<string, unknown>> {
  return {
    ...config,
    accessToken: 'set',
    messengerSecret: config.messengerSecret === null ? 'none' : 'set',
    clientSecrets: `${config.clientSecrets.length} set`,
    apiTokens: config.apiTokens.length === 0 ? 'none' : `${config.apiTokens.length} set`,
  };
}
