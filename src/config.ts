import { existsSync } from 'node:fs';
import { Cron } from 'croner';
import { z } from 'zod';
import { AppError } from './errors.js';
import { DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL } from './rules/vocabulary.js';

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

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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

function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * What stands in an address beside host and path would be written into the log, or be lost in front of a path. Other
 * faults are not looked for here.
 */
function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '') && !/[?#]/.test(text);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function isCron(pattern: string): boolean {
  if (pattern === 'off') return true;
  if (pattern.trim().split(/\s+/).length !== 5) return false;
  try {
    return new Cron(pattern, { paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
}

const programs = z
  .string()
  .transform((text, context) => {
    try {
      const parsed: unknown = JSON.parse(text);
      return parsed;
    } catch {
      context.addIssue(
        'must be a JSON object of Referral to program, such as {"Counter Health":"Smart Access"}',
      );
      return z.NEVER;
    }
  })
  .pipe(
    z.record(
      z.string().min(1, 'must not hold an empty Referral'),
      z
        .string('must be a JSON object whose values are program names')
        .min(1, 'must not hold an empty program name')
        .max(255, 'must not hold a program of more than 255 characters: Intercom keeps no longer text'),
      'must be a JSON object whose values are program names',
    ),
  )
  .default({ ...DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL });

/**
 * Each variable with its default and the sentence that a wrong value is answered with. `.env.example` and the README's
 * table are checked against the keys of this object.
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
      (list) => list.length >= 1 && list.length <= 2,
      'must hold one secret, or two separated by a comma',
    )
    .refine((list) => list.every((secret) => secret.length >= 8), 'is too short to be a client secret'),
  INTERCOM_VERSION: z
    .string()
    .regex(/^2\.1[0-6]$/, 'must be an Intercom API version from 2.10 to 2.16')
    .default('2.10'),
  INTERCOM_API_BASE: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address such as https://api.eu.intercom.io' })
    .refine(isPlainAddress, 'must be an address without user, password, query or fragment')
    .transform((url) => url.replace(/\/+$/, ''))
    .default('https://api.intercom.io'),
  INTERCOM_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an Intercom app id (the workspace id), such as ab12cd34')
    .nullable()
    .default(null),
  INTERCOM_MESSENGER_SECRET: z
    .string()
    .min(8, "is too short to be the Messenger's API secret (Settings, Messenger, Security)")
    .nullable()
    .default(null),
  HOST: z.string().min(1, 'must be an address to listen on, such as 127.0.0.1').default('127.0.0.1'),
  PORT: wholeNumber({ min: 0, max: 65_535 }, 3000),
  DATABASE_PATH: z.string().min(1, 'must be a file path').default('./data/engagement.db'),
  API_TOKENS: z
    .string()
    .transform(commaList)
    .refine(
      (list) => list.every((token) => token.length >= 16),
      'must hold tokens of at least 16 characters each, comma separated',
    )
    .default([]),
  AUTH: z.enum(['token', 'proxy'], 'must be token or proxy').default('token'),
  REPORT_TIMEZONE: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone such as America/New_York')
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
  EXPORT_DIR: z.string().min(1, 'must be a folder').default('./exports'),
  PAYLOAD_RETENTION_DAYS: wholeNumber({ min: 1, max: 3650 }, 30),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

/** The variables this program reads, in the order of the documentation. */
export const VARIABLES = Object.keys(environment.shape);

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable counts as unset. */
function readEnvironment<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>, env: Environment) {
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => {
      const value = env[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`));
}

/**
 * Reads and checks what a report on the command line needs.
 * @throws AppError `config_invalid` as {@link readConfig} does.
 */
export function readReportConfig(env: Environment): ReportConfig {
  const wanted = environment.pick({ DATABASE_PATH: true, REPORT_TIMEZONE: true, EXPORT_DIR: true });
  const values = readEnvironment(wanted, env);
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
  return readEnvironment(environment.pick({ DATABASE_PATH: true }), env).DATABASE_PATH;
}

/**
 * Reads and checks the environment. An empty variable counts as unset.
 * @throws AppError `config_invalid` whose message names every wrong variable and what it may be, never its value.
 */
export function readConfig(env: Environment): Config {
  const values = readEnvironment(environment, env);
  if (values.API_TOKENS.length === 0 && values.AUTH === 'token' && !LOOPBACK_HOSTS.has(values.HOST)) {
    throw invalid([
      `HOST must be 127.0.0.1 while API_TOKENS is unset, so that nobody else can read the reports: set API_TOKENS, ` +
        `or AUTH=proxy when a proxy in front of this service signs people in`,
    ]);
  }
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
 * The environment of this process with the variables of `./.env`, where there is one; what is set already stays.
 * @throws AppError `config_invalid` when there is one that can't be read.
 */
export function readProcessEnvironment(): Environment {
  if (existsSync('.env')) {
    try {
      process.loadEnvFile('.env');
    } catch {
      throw invalid(['./.env must be a file that this user may read']);
    }
  }
  return process.env;
}

function invalid(problems: readonly string[]): AppError {
  return new AppError(
    'config_invalid',
    'never',
    ['Settings that must be mended:', ...problems.map((line) => `  ${line}`)].join('\n'),
  );
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
