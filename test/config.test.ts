import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeConfig, readConfig, readReportConfig, VARIABLES } from '../src/config.js';
import { AppError } from '../src/errors.js';

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
    timeZone: 'America/New_York',
    exportDir: './exports',
  });
  expect(() => readReportConfig({ REPORT_TIMEZONE: 'New York' })).toThrow('IANA time zone');
});

test.each([
  ['INTERCOM_CLIENT_SECRET', 'one-secret,two-secret,three-secret', 'one secret, or two'],
  ['INTERCOM_CLIENT_SECRET', 'short', 'too short'],
  ['INTERCOM_VERSION', '2.9', 'from 2.10 to 2.16'],
  ['INTERCOM_VERSION', 'Unstable', 'from 2.10 to 2.16'],
  ['INTERCOM_API_BASE', 'api.eu.intercom.io', 'http(s) address'],
  ['INTERCOM_API_BASE', 'file:///etc/passwd', 'http(s) address'],
  ['INTERCOM_API_BASE', 'https://me:hush@proxy.example', 'without user, password'],
  ['INTERCOM_API_BASE', 'https://proxy.example/?to=intercom', 'without user, password, query'],
  ['INTERCOM_API_BASE', 'https://proxy.example/#', 'or fragment'],
  ['INTERCOM_ACCESS_TOKEN', 'Bearer dG9rOjEyMzQ1', 'without the word Bearer'],
  ['INTERCOM_ACCESS_TOKEN', 'dG9rOjEyMzQ1\nX-More: yes', 'the token alone'],
  ['PORT', '65536', 'from 0 to 65535'],
  ['PORT', '3000.5', 'from 0 to 65535'],
  ['API_TOKENS', 'short', 'at least 16 characters'],
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
  ['BACKFILL_DAYS', '-1', 'from 0 to 3650'],
  ['SETTLE_AFTER_SECONDS', '1e3', 'from 0 to 86400'],
  ['DRY_RUN', 'yes', 'true or false'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"Counter Health":', 'JSON object'],
  ['ELIGIBLE_PROGRAMS_BY_REFERRAL', '{"Counter Health":5}', 'program name'],
  ['PAYLOAD_RETENTION_DAYS', '0', 'from 1 to 3650'],
  ['LOG_LEVEL', 'loud', 'one of fatal'],
  ['HOST', '0.0.0.0', 'API_TOKENS'],
])('%s=%s is refused: %s', (name, value, reason) => {
  const message = problemsOf({ ...REQUIRED, [name]: value });
  expect(message).toContain(name);
  expect(message).toContain(reason);
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

test('README, .env.example and the program name the same variables', () => {
  const example = readFileSync('.env.example', 'utf8');
  const inExample = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
  const readme = readFileSync('README.md', 'utf8');
  const settings = readme.slice(readme.indexOf('\n## Settings'));
  const inReadme = [...settings.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);
  expect(inExample).toEqual(VARIABLES);
  expect(inReadme).toEqual(VARIABLES);
});

test('.env.example, filled in, is accepted as it stands', () => {
  const lines = readFileSync('.env.example', 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
  const env = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
  expect(() => readConfig({ ...env, ...REQUIRED })).not.toThrow();
});
