import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeConfig, readConfig, readReportConfig } from '../src/config/config.js';
import { unreadSettings } from '../src/config/environment.js';
import { VARIABLES } from '../src/config/settings.js';
import { AppError } from '../src/errors.js';
import { temporaryDirectory } from './support/command-line.js';
import { documentAt, sectionOf } from './support/documents.js';

const REQUIRED = {
  INTERCOM_ACCESS_TOKEN: 'dG9rOjEyMzQ1Njc4OTA=',
  INTERCOM_CLIENT_SECRET: 'a-client-secret',
};

function problemsOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof AppError && error.code === 'config_invalid') return error.message;
    throw error;
  }
  throw new Error('the settings were accepted');
}

test('the required settings alone are enough', () => {
  expect(readConfig(REQUIRED)).toMatchObject({
    host: '127.0.0.1',
    port: 3000,
    intercomVersion: '2.10',
    intercomApiBase: 'https://api.intercom.io',
    timeZone: 'America/New_York',
    backfillDays: 365,
    settleAfterSeconds: 120,
    dryRun: false,
    apiTokens: [],
    eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
    exportDir: './exports',
    payloadRetentionDays: 30,
  });
});

test('hosts and proxies are lists', () => {
  const config = readConfig({
    ...REQUIRED,
    PUBLIC_URL: 'https://Reports.example/, http://10.0.0.5:3000,https://[2001:DB8::1]',
    TRUSTED_PROXIES: 'loopback, 10.0.0.0/8, 2001:db8::/32',
  });
  expect(config.publicHosts).toEqual(['reports.example', '10.0.0.5', '[2001:db8::1]']);
  expect(config.trustedProxies).toEqual(['loopback', '10.0.0.0/8', '2001:db8::/32']);
  expect(readConfig(REQUIRED)).toMatchObject({ publicHosts: [], trustedProxies: ['loopback'] });
});

test('a report on the command line needs nothing of Intercom, and checks what it does need', () => {
  expect(readReportConfig({ DATABASE_PATH: './x.db', PORT: 'no port' })).toEqual({
    databasePath: './x.db',
    databaseUrl: null,
    databaseConnections: 10,
    databaseReportConnections: 4,
    timeZone: 'America/New_York',
    exportDir: './exports',
  });
  expect(() => readReportConfig({ REPORT_TIMEZONE: 'New York' })).toThrow('IANA time zone');
});

test.each([
  'postgres://me:secret@db.example:5432/engagement',
  'postgresql://db.example/engagement?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem',
  'postgres://me@/engagement?host=/run/postgresql',
  'postgres:///engagement?host=/run/postgresql',
])('%s is the address of a database, and never shown', (url) => {
  const config = readConfig({ ...REQUIRED, DATABASE_URL: url, EXPORT_DIR: './data' });
  expect(config.databaseUrl).toBe(url);
  expect(JSON.stringify(describeConfig(config))).not.toContain('engagement?');
  expect(describeConfig(config)).toMatchObject({ databaseUrl: 'set' });
});

test.each([
  ['INTERCOM_CLIENT_SECRET', 'one-secret,two-secret,three-secret', 'one secret, or two'],
  ['INTERCOM_CLIENT_SECRET', 'short', 'too short'],
  ['INTERCOM_CLIENT_SECRET', 'one-secret two-secret', 'not by a blank or a semicolon'],
  ['INTERCOM_CLIENT_SECRET', 'one-secret;two-secret', 'not by a blank or a semicolon'],
  ['INTERCOM_VERSION', '2.9', 'from 2.10 to 2.17'],
  ['INTERCOM_VERSION', '2.18', 'from 2.10 to 2.17'],
  ['INTERCOM_VERSION', 'Unstable', 'from 2.10 to 2.17'],
  ['INTERCOM_API_BASE', 'api.eu.intercom.io', 'http(s) address'],
  ['INTERCOM_API_BASE', 'file:///etc/passwd', 'http(s) address'],
  ['INTERCOM_API_BASE', 'https://me:hush@proxy.example', 'without user, password'],
  ['INTERCOM_API_BASE', 'https://proxy.example/?to=intercom', 'without user, password, query'],
  ['INTERCOM_API_BASE', 'https://proxy.example/#', 'or fragment'],
  ['INTERCOM_API_BASE', 'http://127.0.0.1:9/contacts', 'without a path'],
  ['INTERCOM_API_BASE', 'https://api.intercom.io/v2/', 'without a path'],
  ['INTERCOM_MESSENGER_SECRET', 'a secret with blanks', "the Messenger's API secret alone"],
  ['INTERCOM_ACCESS_TOKEN', 'Bearer dG9rOjEyMzQ1', 'without the word Bearer'],
  ['INTERCOM_ACCESS_TOKEN', 'dG9rOjEyMzQ1\nX-More: yes', 'the token alone'],
  ['PORT', '65536', 'from 0 to 65535'],
  ['PORT', '3000.5', 'from 0 to 65535'],
  ['PORT', '80, please', 'from 0 to 65535'],
  ['HOST', 'http://127.0.0.1', 'without http:// and port'],
  ['HOST', '127.0.0.1:3000', 'without http:// and port'],
  ['HOST', '[::1]', 'such as 127.0.0.1, ::1'],
  ['HOST', '300.1.1.1', 'an address of this machine'],
  ['HOST', '127.0.0.1 # this machine', 'an address of this machine'],
  ['HOST', '*', 'an address of this machine'],
  ['DATABASE_PATH', ':memory:', 'only in memory is lost'],
  ['DATABASE_PATH', 'file::memory:', 'the path of a file'],
  ['DATABASE_PATH', 'file::memory:?cache=shared', 'the path of a file'],
  ['DATABASE_PATH', 'file:./data/engagement.db', 'the path of a file'],
  ['DATABASE_PATH', 'postgres://db.example/engagement', 'the path of a file'],
  ['DATABASE_PATH', '/dev/null', 'the path of a file'],
  ['DATABASE_PATH', './data/', 'the path of a file'],
  ['DATABASE_PATH', '.', 'the path of a file'],
  ['DATABASE_PATH', './src', 'the path of a file'],
  ['DATABASE_PATH', './data/engagement.db-wal', 'the path of a file'],
  ['DATABASE_PATH', '~/engagement.db', 'must be written out'],
  ['DATABASE_PATH', '$HOME/engagement.db', 'must be written out'],
  ['DATABASE_PATH', '${HOME}/engagement.db', 'must be written out'],
  ['DATABASE_PATH', './engagement.db # the cache', 'must be written out'],
  ['DATABASE_PATH', './a\0b.db', "can't be seen"],
  ['DATABASE_PATH', './a\u200bb.db', "can't be seen"],
  ['DATABASE_URL', './engagement.db', 'the address of a Postgres database'],
  ['DATABASE_URL', 'mysql://db.example/engagement', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres://db.example', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres://db.example/', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres:///engagement', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres://me:p@ss/word@db.example/engagement', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres://me@db.example:port/engagement', 'the address of a Postgres database'],
  ['DATABASE_URL', 'postgres://db.example/engagement # shared', 'the address of a Postgres database'],
  ['DATABASE_CONNECTIONS', '1', 'from 2 to 200'],
  ['DATABASE_REPORT_CONNECTIONS', '0', 'from 1 to 100'],
  ['EXPORT_DIR', '~/exports', 'must be written out'],
  ['EXPORT_DIR', './data', 'must not be the directory of the database'],
  ['EXPORT_DIR', './src/../data/', 'must not be the directory of the database'],
  ['EXPORT_DIR', '/', 'must not be the directory of the database'],
  ['EXPORT_DIR', '.', 'must not be the directory of the database'],
  ['API_TOKENS', 'short', 'at least 16 characters'],
  ['API_TOKENS', '0123456789abcdef0123 fedcba98765432100123', 'not by blanks or semicolons'],
  ['API_TOKENS', '0123456789abcdef0123;fedcba98765432100123', 'not by blanks or semicolons'],
  ['API_TOKENS', 'tökens-with-sixteen-letters', 'separated by commas'],
  ['API_TOKENS', ' , ', 'at least 16 characters'],
  ['AUTH', 'none', 'token or proxy'],
  ['PUBLIC_URL', 'reports.example', 'http(s) addresses'],
  ['PUBLIC_URL', 'https://reports.example/intercom', 'without a path'],
  ['PUBLIC_URL', 'https://me:hush@reports.example', 'http(s) addresses'],
  ['PUBLIC_URL', 'https://reports.example,ftp://reports.example', 'http(s) addresses'],
  ['PUBLIC_URL', ',', 'http(s) addresses'],
  ['TRUSTED_PROXIES', 'proxy.example', 'IP addresses'],
  ['TRUSTED_PROXIES', '10.0.0.0/33', 'IP addresses'],
  ['TRUSTED_PROXIES', '10.0.0.1 10.0.0.2', 'IP addresses'],
  ['REPORT_TIMEZONE', 'New York', 'IANA time zone'],
  ['REPORT_TIMEZONE', '+05:00', 'IANA time zone'],
  ['BACKFILL_DAYS', '-1', 'from 0 to 3650'],
  ['SETTLE_AFTER_SECONDS', '1e3', 'from 0 to 86400'],
  ['DRY_RUN', 'yes', 'true or false'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"Counter Health":', 'JSON object'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"Counter Health":5}', 'program name'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '["Counter Health"]', 'JSON object'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', 'null', 'JSON object'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{" ":"A"}', 'empty Referral'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"A":" "}', 'empty program name'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"A":"B "}', 'blanks around it'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"Counter Health":"A","counter health":"B"}', 'each Referral once'],
  [
    'ELIGIBLE_PROGRAMS_BY_REFERRAL',
    '{"Counter Health":"A","Counter\\u0020Health":"B"}',
    'each Referral once',
  ],
  ['PAYLOAD_RETENTION_DAYS', '0', 'from 1 to 3650'],
  ['LOG_LEVEL', 'loud', 'one of fatal'],
  ['HOST', '0.0.0.0', 'API_TOKENS'],
])('%s=%s is refused: %s', (name, value, reason) => {
  const message = problemsOf({ ...REQUIRED, [name]: value });
  expect(message).toContain(name);
  expect(message).toContain(reason);
});

// As `docker --env-file` and the like hand them over, with the sentence for each.
test.each<[string, Record<string, string>, Record<string, string>]>([
  [
    'with the quotes of the file',
    {
      INTERCOM_ACCESS_TOKEN: '"tok-abcdefgh"',
      INTERCOM_CLIENT_SECRET: '"secret-abcdefgh"',
      API_TOKENS: "'0123456789abcdef0123'",
      DATABASE_PATH: '"./data/engagement.db"',
      DRY_RUN: '"true"',
      PORT: '"3000"',
    },
    {
      INTERCOM_ACCESS_TOKEN: 'must not stand in quotes',
      INTERCOM_CLIENT_SECRET: 'must not stand in quotes',
      API_TOKENS: 'must not stand in quotes',
      DATABASE_PATH: 'must not stand in quotes',
      DRY_RUN: 'must not stand in quotes',
      PORT: 'must not stand in quotes',
    },
  ],
  ['with one of them', { API_TOKENS: '"0123456789abcdef0123' }, { API_TOKENS: 'has a quote at one end' }],
  [
    'wrong in several ways at once',
    {
      HOST: 'http://127.0.0.1',
      PORT: '80',
      DATABASE_PATH: ':memory:',
      INTERCOM_API_BASE: 'http://127.0.0.1:9/contacts',
      ELIGIBLE_PROGRAMS_BY_REFERRAL: '{"Counter Health":"A","counter health":"B"}',
    },
    {
      INTERCOM_API_BASE: 'must be an address without',
      HOST: 'must be an address of this machine',
      DATABASE_PATH: 'must be the path of a file',
      ELIGIBLE_PROGRAMS_BY_REFERRAL: 'must name each Referral once',
    },
  ],
  [
    'one beside two that do not go together',
    { LOG_LEVEL: 'loud', HOST: '0.0.0.0', EXPORT_DIR: './data' },
    { LOG_LEVEL: 'must be one of', HOST: 'must be 127.0.0.1 while', EXPORT_DIR: 'must not be the directory' },
  ],
])('settings %s are each named, once, with what they may be', (_name, settings, expected) => {
  const lines = problemsOf({ ...REQUIRED, ...settings })
    .split('\n')
    .slice(1);
  const named = Object.fromEntries(lines.map((line) => line.trim().split(/ (.*)/s, 2)));
  expect(Object.keys(named).toSorted()).toEqual(Object.keys(expected).toSorted());
  expect(lines).toHaveLength(Object.keys(expected).length);
  for (const [name, sentence] of Object.entries(expected)) expect(named[name]).toContain(sentence);
  for (const secret of ['abcdefgh', '0123456789abcdef']) expect(lines.join()).not.toContain(secret);
});

test("an export directory is the database's own by whatever spelling", () => {
  const directory = temporaryDirectory();
  const data = join(directory, 'data');
  mkdirSync(join(data, 'deep'), { recursive: true });
  symlinkSync(data, join(directory, 'link'));
  symlinkSync(join(directory, 'later'), join(directory, 'dangling'));
  const of = (databasePath: string, exportDir: string) => ({
    ...REQUIRED,
    DATABASE_PATH: join(directory, databasePath),
    EXPORT_DIR: join(directory, exportDir),
  });
  for (const [database, exports] of [
    ['data/engagement.db', 'link'],
    ['link/engagement.db', 'data'],
    ['data/deep/engagement.db', 'link'],
    ['data/new/engagement.db', 'data/new/../new'],
    ['later/engagement.db', 'dangling'],
    ['dangling/engagement.db', 'later'],
    ['data/engagement.db', '.'],
  ] as const) {
    expect(problemsOf(of(database, exports))).toContain(
      'EXPORT_DIR must not be the directory of the database',
    );
  }
  for (const [database, exports] of [
    ['data/engagement.db', 'data/exports'],
    ['data/engagement.db', 'data-exports'],
    ['data/engagement.db', 'link/exports'],
  ] as const) {
    expect(() => readConfig(of(database, exports))).not.toThrow();
  }
  // A report on the command line can write there too.
  expect(() => readReportConfig(of('data/engagement.db', 'link'))).toThrow('EXPORT_DIR must not be');
});

test('a zone is called as others call it, and a base address ends with its host', () => {
  const config = readConfig({
    ...REQUIRED,
    REPORT_TIMEZONE: 'europe/VIENNA',
    INTERCOM_API_BASE: 'HTTPS://API.EU.intercom.io//',
    INTERCOM_VERSION: '2.17',
  });
  expect(config).toMatchObject({
    timeZone: 'Europe/Vienna',
    intercomApiBase: 'https://api.eu.intercom.io',
    intercomVersion: '2.17',
  });
});

test('a name that a mark or a blank has crept into is read as it looks', () => {
  expect(
    readConfig({ ...REQUIRED, '\ufeffDRY_RUN': 'true', ' PORT': '4000', '\u200bHOST': '::1' }),
  ).toMatchObject({
    dryRun: true,
    port: 4000,
    host: '::1',
  });
  expect(readConfig({ ...REQUIRED, '\ufeffDRY_RUN': 'true', DRY_RUN: 'false' }).dryRun).toBe(false);
});

test('names that come close to a setting are told, and others are not', () => {
  const env = {
    DRYRUN: 'true',
    dry_run: 'true',
    POSTGRES_URL: 'x',
    INTERCOM_ACCES_TOKEN: 'x',
    INTERCOM_TOKEN: 'x',
    REPORT_TIME_ZONE: 'UTC',
    API_TOKEN: 'x',
    PATH: '/bin',
    HOSTNAME: 'here',
    TZ: 'UTC',
    POST: '1',
    NODE_ENV: 'production',
    LOG_LEVELS: '',
    // Read as it looks.
    '\ufeffPORT': '3000',
    ...REQUIRED,
  };
  expect(unreadSettings(env)).toEqual([
    { name: 'DRYRUN', meant: 'DRY_RUN' },
    { name: 'dry_run', meant: 'DRY_RUN' },
    { name: 'POSTGRES_URL', meant: 'DATABASE_URL' },
    { name: 'INTERCOM_ACCES_TOKEN', meant: 'INTERCOM_ACCESS_TOKEN' },
    { name: 'INTERCOM_TOKEN', meant: 'INTERCOM_ACCESS_TOKEN' },
    { name: 'REPORT_TIME_ZONE', meant: 'REPORT_TIMEZONE' },
    { name: 'API_TOKEN', meant: 'API_TOKENS' },
  ]);
});

test('every wrong setting is named in one message, without any value', () => {
  const message = problemsOf({ INTERCOM_ACCESS_TOKEN: 'hush', PORT: 'hushport', AUTH: 'hushauth' });
  for (const name of ['INTERCOM_ACCESS_TOKEN', 'INTERCOM_CLIENT_SECRET', 'PORT', 'AUTH']) {
    expect(message).toContain(name);
  }
  expect(message).not.toContain('hush');
});

test('a public address needs tokens or a proxy that signs people in', () => {
  const open = { ...REQUIRED, HOST: '0.0.0.0' };
  expect(problemsOf(open)).toContain('API_TOKENS');
  expect(readConfig({ ...open, AUTH: 'proxy' }).host).toBe('0.0.0.0');
  expect(readConfig({ ...open, API_TOKENS: 'a-token-of-16-characters' }).host).toBe('0.0.0.0');
});

test('what is logged at the start holds no secret', () => {
  const config = readConfig({ ...REQUIRED, API_TOKENS: 'first-token-0123456, second-token-012345' });
  const text = JSON.stringify(describeConfig(config));
  const secrets = [...Object.values(REQUIRED), ...config.apiTokens];
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  expect(config.apiTokens).toHaveLength(2);
});

test('docs/operating.md, .env.example and the program name the same variables', () => {
  const example = readFileSync('.env.example', 'utf8');
  const inExample = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
  expect(inExample).toEqual(VARIABLES);
  expect(documentedSettings().map(({ name }) => name)).toEqual(VARIABLES);
});

test('documented defaults are what an unset variable means', () => {
  const unset = readConfig(REQUIRED);
  for (const { name, about } of documentedSettings()) {
    const value = /^default `(.+)`$/.exec(about)?.[1];
    const isRequired = Object.hasOwn(REQUIRED, name);
    expect({ name, about }).toEqual({
      name,
      about: isRequired ? 'required' : value === undefined ? 'default: none' : `default \`${value}\``,
    });
    expect(readConfig({ ...(value === undefined ? {} : { [name]: value }), ...REQUIRED })).toEqual(unset);
  }
});

/** Each setting of docs/operating.md with what stands behind its name: `required`, or its default. */
function documentedSettings(): { readonly name: string; readonly about: string }[] {
  const settings = sectionOf(documentAt('docs/operating.md'), '## Settings');
  return [...settings.matchAll(/^- `([A-Z_]+)` \((.+?)\): /gm)].map(([, name = '', about = '']) => ({
    name,
    about,
  }));
}

test('.env.example, filled in, is accepted as it stands', () => {
  const lines = readFileSync('.env.example', 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
  const env = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
  expect(() => readConfig({ ...env, ...REQUIRED })).not.toThrow();
});
