import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import type { LogLevel } from '../log.js';
import { isWithin } from './directories.js';
import { readSettings, type CrossCheck, type Environment } from './environment.js';
import { SETTINGS } from './settings.js';

/** Everything the service can be told from outside. */
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
  /** Where the data is without a `databaseUrl`. */
  readonly databasePath: string;
  /** Postgres in place of a file. It may hold a password. */
  readonly databaseUrl: string | null;
  /** Of each process, for its work, and again for reports. */
  readonly databaseConnections: number;
  readonly databaseReportConnections: number;
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
  /** From being told to stop to taking no more connections. */
  readonly drainSeconds: number;
  readonly dryRun: boolean;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  readonly exportDir: string;
  readonly payloadRetentionDays: number;
  readonly logLevel: LogLevel;
}

/** What a report on the command line needs: nothing of Intercom. */
export type ReportConfig = DatabaseConfig & Pick<Config, 'timeZone' | 'exportDir'>;

type DatabaseConfig = Pick<
  Config,
  'databasePath' | 'databaseUrl' | 'databaseConnections' | 'databaseReportConnections'
>;

const LOOPBACK_HOSTS = new Set(['127.0.0.1', '::1', 'localhost']);

/** Exports must not reach what they could overwrite: the database with its logs, and this program. */
const checkDirectories: CrossCheck = (values) => {
  const { DATABASE_PATH: databasePath, DATABASE_URL: databaseUrl, EXPORT_DIR: exportDir } = values;
  if (databasePath === undefined || exportDir === undefined) return [];
  const isFile = databaseUrl === null || databaseUrl === undefined;
  const precious = [
    ...(isFile ? [{ directory: dirname(databasePath), what: 'the database' }] : []),
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

/**
 * Reads and checks what a report on the command line needs.
 * @throws AppError `config_invalid` as {@link readConfig} does.
 */
export function readReportConfig(env: Environment): ReportConfig {
  const wanted = SETTINGS.pick({ ...DATABASE_SETTINGS, REPORT_TIMEZONE: true, EXPORT_DIR: true });
  const values = readSettings(wanted, env, checkDirectories);
  return {
    ...databaseConfig(values),
    timeZone: values.REPORT_TIMEZONE,
    exportDir: values.EXPORT_DIR,
  };
}

const DATABASE_SETTINGS = {
  DATABASE_PATH: true,
  DATABASE_URL: true,
  DATABASE_CONNECTIONS: true,
  DATABASE_REPORT_CONNECTIONS: true,
} as const;

function databaseConfig(
  values: Pick<z.infer<typeof SETTINGS>, keyof typeof DATABASE_SETTINGS>,
): DatabaseConfig {
  return {
    databasePath: values.DATABASE_PATH,
    databaseUrl: values.DATABASE_URL,
    databaseConnections: values.DATABASE_CONNECTIONS,
    databaseReportConnections: values.DATABASE_REPORT_CONNECTIONS,
  };
}

/**
 * `DATABASE_PATH` alone, for what is only done with files.
 * @throws AppError `config_invalid`
 */
export function readDatabasePath(env: Environment): string {
  return readSettings(SETTINGS.pick({ DATABASE_PATH: true }), env, () => []).DATABASE_PATH;
}

/**
 * The same for a backup of the data in use.
 * @throws AppError `config_invalid` where that is in Postgres.
 */
export function readDatabaseFile(env: Environment): string {
  const wanted = SETTINGS.pick({ DATABASE_PATH: true, DATABASE_URL: true });
  return readSettings(wanted, env, ({ DATABASE_URL: url }) =>
    typeof url === 'string'
      ? ['DATABASE_URL keeps the data in Postgres: back that up with pg_dump or as the provider does']
      : [],
  ).DATABASE_PATH;
}

/**
 * `PORT` alone, for the sandbox, which brings all other settings itself.
 * @throws AppError `config_invalid`
 */
export function readPort(env: Environment): number {
  return readSettings(SETTINGS.pick({ PORT: true }), env, () => []).PORT;
}

/**
 * `DATABASE_URL` alone, for a sandbox of several replicas.
 * @throws AppError `config_invalid`
 */
export function readDatabaseUrl(env: Environment): string | null {
  return readSettings(SETTINGS.pick({ DATABASE_URL: true }), env, () => []).DATABASE_URL;
}

/**
 * Reads and checks the environment. An empty variable counts as unset.
 * @throws AppError `config_invalid` whose message names every wrong variable and what it may be, never its value.
 */
export function readConfig(env: Environment): Config {
  const values = readSettings(SETTINGS, env, (one) => [...checkHost(one), ...checkDirectories(one)]);
  return {
    accessToken: values.INTERCOM_ACCESS_TOKEN,
    clientSecrets: values.INTERCOM_CLIENT_SECRET,
    intercomVersion: values.INTERCOM_VERSION,
    intercomApiBase: values.INTERCOM_API_BASE,
    intercomAppId: values.INTERCOM_APP_ID,
    messengerSecret: values.INTERCOM_MESSENGER_SECRET,
    host: values.HOST,
    port: values.PORT,
    ...databaseConfig(values),
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
    drainSeconds: values.DRAIN_SECONDS,
    dryRun: values.DRY_RUN,
    eligibleProgramsByReferral: values.ELIGIBLE_PROGRAMS_BY_REFERRAL,
    exportDir: values.EXPORT_DIR,
    payloadRetentionDays: values.PAYLOAD_RETENTION_DAYS,
    logLevel: values.LOG_LEVEL,
  };
}

/** What the start-up line may say: secrets appear only as "set". */
export function describeConfig(config: Config): Readonly<Record<string, unknown>> {
  return {
    ...config,
    accessToken: 'set',
    databaseUrl: config.databaseUrl === null ? 'none' : 'set',
    messengerSecret: config.messengerSecret === null ? 'none' : 'set',
    clientSecrets: `${config.clientSecrets.length} set`,
    apiTokens: config.apiTokens.length === 0 ? 'none' : `${config.apiTokens.length} set`,
  };
}
