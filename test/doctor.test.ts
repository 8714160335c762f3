import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import Database from 'better-sqlite3';
import { setupServer } from 'msw/node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runDoctor, type DoctorDeps } from '../src/cli/doctor.js';
import { AppError } from '../src/errors.js';
import { SCOPES } from '../src/intercom/scopes.js';
import { signBody } from '../src/intercom/signature.js';
import { isNodeTooOld, MIN_NODE } from '../src/version.js';
import { KEPT_ATTRIBUTES } from '../src/rules/vocabulary.js';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { runCommand, temporaryDirectory } from './support/command-line.js';
import { API_TOKEN, createHarness } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace, intercomSettings } from './support/test-workspace.js';

const NOW = '2026-10-15T15:00:00Z';

interface Verdict {
  readonly text: string;
  readonly problems: readonly string[];
  readonly failure: string | null;
}

/** Lines about what is wrong, each with its way out; `.env` is that of whoever runs the tests. */
function problemsIn(text: string): string[] {
  const lines = text.split(/\n(?=ok|WARN|FAIL)/);
  return lines.filter((line) => /^(?:WARN|FAIL)/.test(line) && !line.includes('.env'));
}

async function examine(
  settings: Readonly<Record<string, string>>,
  more: Partial<DoctorDeps> & { readonly fix?: boolean } = {},
): Promise<Verdict> {
  let text = '';
  const { fix = false, ...deps } = more;
  const examined = runDoctor(fix, {
    environment: () => settings,
    clock: createMovedClock(NOW),
    stdout: new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) }),
    send: () => Promise.reject(new TypeError('nothing listens')),
    freeBytes: () => 100e9,
    ...deps,
  });
  let failure: string | null = null;
  try {
    await examined;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'checks_failed')) throw error;
    failure = error.message;
  }
  return { text, problems: problemsIn(text), failure };
}

/** A workspace without a service, and settings that fit it. */
function arrange(
  options: WorkspaceOptions = {},
  apiBase?: string,
): {
  readonly workspace: Workspace;
  readonly settings: Record<string, string>;
  readonly directory: string;
} {
  const directory = temporaryDirectory();
  const workspace = createTestWorkspace({ clock: createMovedClock(NOW), ...options });
  const server = setupServer(...handlersFor(workspace, apiBase));
  server.listen({ onUnhandledRequest: 'error' });
  onTestFinished(() => server.close());
  const settings = {
    ...intercomSettings(workspace),
    DATABASE_PATH: join(directory, 'engagement.db'),
    EXPORT_DIR: join(directory, 'exports'),
  };
  return { workspace, settings, directory };
}

test("other workspaces' notifications are told of: how many, from where, and when the last one came", async () => {
  const { workspace, settings } = arrange();
  const store = openSqliteStore({ path: settings['DATABASE_PATH'] ?? '', timeZone: 'America/New_York' });
  await store.bindWorkspace({ id: workspace.settings.appId, timeZone: 'UTC' });
  const lastAtMs = Date.parse(NOW) - 10 * 60_000;
  await store.noteOtherWorkspaces([{ id: 'zz99', count: 12, lastAtMs }]);
  await store.close();
  const { problems, failure } = await examine(settings);
  const said = '12 notifications came from other workspaces (zz99), the last one 10 min ago';
  expect(problems.join()).toContain(said);
  expect(failure).toBeNull();
});

const NOT_RUNNING = [
  expect.stringContaining('so the secret was not tried'),
  expect.stringContaining('no notification has ever been stored'),
];

test('before the first start only what has not happened yet is open', async () => {
  const { settings } = arrange();
  const { text, problems, failure } = await examine(settings);
  expect(failure).toBeNull();
  expect(problems).toEqual(NOT_RUNNING);
  expect(text).toContain('workspace sandbox1');
  expect(text).toContain('the first start makes');
  expect(text).toContain('set the webhooks of the app in the Developer Hub to the same version');
});

test('beside a service that works nothing is open', async () => {
  const directory = temporaryDirectory();
  const harness = await createHarness({ database: join(directory, 'engagement.db') });
  const { workspace, app, store, clock } = harness;
  await store.bindWorkspace({ id: workspace.settings.appId, timeZone: workspace.settings.timeZone });
  workspace.addContact({ externalId: 'M-1' });
  await harness.settle();
  const { problems, failure, text } = await examine(
    {
      INTERCOM_ACCESS_TOKEN: workspace.settings.token,
      INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
      DATABASE_PATH: join(directory, 'engagement.db'),
      EXPORT_DIR: join(directory, 'exports'),
      API_TOKENS: API_TOKEN,
    },
    { clock, send: (request) => app.fetch(request) },
  );
  expect({ problems, failure }).toEqual({ problems: [], failure: null });
  expect(text).toContain('takes what is signed with the secret');
  expect(text).toContain('the last notification was stored 0 min ago');
  // Looking changes nothing.
  expect(workspace.calls.matching({ method: 'PUT' }).map((call) => call.status)).toEqual([404]);
  expect(workspace.calls.matching({ method: 'POST', path: '/data_attributes' })).toEqual([]);
});

describe('each fault is found, with the way to fix it', () => {
  test('a wrong token: nothing else is asked of Intercom, all the rest is checked', async () => {
    const { settings, workspace } = arrange();
    const { problems, failure, text } = await examine({
      ...settings,
      INTERCOM_ACCESS_TOKEN: 'another-token',
    });
    expect(problems).toEqual([
      expect.stringMatching(/FAIL.*refuses INTERCOM_ACCESS_TOKEN \(401\)\s+→ Copy/),
      ...NOT_RUNNING,
    ]);
    expect(failure).toMatch(/^1 of \d+ checks failed$/);
    expect(workspace.calls.total).toBe(1);
    expect(text).toContain('GB free');
  });

  test.each([
    ['reset', { kind: 'reset' }, "can't be reached at https://api.intercom.io"],
    ['a gateway', { kind: 'gateway', status: 502 }, 'does not answer as it should'],
  ] as const)('no Intercom, but %s', async (_name, fault, sentence) => {
    const { settings, workspace } = arrange();
    workspace.faults.always({}, fault);
    const { problems } = await examine(settings);
    expect(problems[0]).toContain(sentence);
    expect(problems[0]).toContain('→ Check INTERCOM_API_BASE');
  });

  test.each([
    ['no total_count', { total_count: null }, 'total_count is missing'],
    [
      'no next page',
      { total_count: 900, pages: {} },
      'total_count is 900, but pages.next names no next page',
    ],
  ])('a search with %s', async (_name, over, sentence) => {
    const { settings, workspace } = arrange();
    const alter = (body: unknown) => ({ ...Object(body), ...over });
    workspace.faults.always({ method: 'POST', path: '/contacts/search' }, { kind: 'altered', alter });
    const { problems } = await examine(settings);
    expect(problems.join('\n')).toContain(sentence);
  });

  test.each(
    ([401, 403] as const).flatMap((scopeRefusal) =>
      [SCOPES.readContacts, SCOPES.writeContacts, SCOPES.readConversations, SCOPES.readAdmins].map(
        (scope) => [scope, scopeRefusal] as const,
      ),
    ),
  )('the permission "%s" is missing, refused with %i', async (scope, scopeRefusal) => {
    const { settings } = arrange({ missingScopes: [scope], scopeRefusal });
    const { problems, failure } = await examine(settings);
    expect(failure).not.toBeNull();
    expect(problems[0]).toMatch(/^FAIL +permissions/);
    expect(problems[0]).toContain(`Intercom does not let the app: ${scope}`);
    expect(problems[0]).toContain(`→ Give the app the permission "${scope}" (Developer Hub`);
  });

  test.each<[string, (workspace: Workspace) => void, readonly string[]]>([
    [
      'missing',
      (workspace) => {
        workspace.removeAttribute('contact', 'Last Call');
        workspace.removeAttribute('contact', 'Employer');
      },
      ['missing: "Last Call", "Employer"', 'Run doctor --fix', '"Last Call" (date), "Employer" (text)'],
    ],
    [
      'written with other capitals',
      (workspace) => workspace.renameContactAttribute('Last Call', 'last call'),
      ['missing: "Last Call" (there is "last call": capitals and spaces count)'],
    ],
    [
      'archived',
      (workspace) => workspace.archiveAttribute('contact', 'Last Call'),
      ['"Last Call" is archived', '→ Unarchive it in'],
    ],
    [
      'of another type',
      (workspace) => {
        workspace.removeAttribute('contact', 'Last Call');
        workspace.addAttribute({ model: 'contact', name: 'Last Call', dataType: 'string' });
      },
      ['"Last Call" has the type string, not date', "Intercom can't change a type"],
    ],
    [
      'not for apps to write',
      (workspace) => {
        workspace.removeAttribute('contact', 'Eligible Programs');
        workspace.addAttribute({
          model: 'contact',
          name: 'Eligible Programs',
          dataType: 'string',
          apiWritable: false,
        });
      },
      ['"Eligible Programs" can\'t be written by an app', 'Allow it to be updated through the API'],
    ],
    [
      'lists without what is written',
      (workspace) => {
        workspace.removeAttribute('contact', 'Engagement Status');
        const options = ['Engaged', 'Unengaged'];
        workspace.addAttribute({ model: 'contact', name: 'Engagement Status', dataType: 'string', options });
      },
      ['"Engagement Status" is a list without "At Risk"', 'Add it to the list'],
    ],
  ])('contact attributes that are %s', async (_name, spoil, sentences) => {
    const { settings, workspace } = arrange();
    spoil(workspace);
    const { problems, failure } = await examine(settings);
    expect(failure).not.toBeNull();
    expect(problems).toHaveLength(1 + NOT_RUNNING.length);
    expect(problems[0]).toMatch(/^FAIL +contact attributes/);
    for (const sentence of sentences) expect(problems[0]).toContain(sentence);
  });

  test.each(
    (['2.15', '2.16', '2.17'] as const).flatMap((version) =>
      (
        [
          [
            'missing',
            (workspace: Workspace) => workspace.removeAttribute('conversation', 'Channel'),
            ['FAIL', '"Channel" is missing: no call counts', 'a list with "Phone", "Video Conference"'],
          ],
          [
            'archived',
            (workspace: Workspace) => workspace.archiveAttribute('conversation', 'Service Code'),
            ['FAIL', '"Service Code" is archived', '→ Unarchive it'],
          ],
          [
            'of another type',
            (workspace: Workspace) => {
              workspace.removeAttribute('conversation', 'Channel');
              workspace.addAttribute({ model: 'conversation', name: 'Channel', dataType: 'boolean' });
            },
            ['FAIL', '"Channel" has the type boolean'],
          ],
          [
            'a list without a value',
            (workspace: Workspace) => {
              workspace.removeAttribute('conversation', 'Channel');
              const options = ['phone ', 'Email', 'Chat'];
              workspace.addAttribute({ model: 'conversation', name: 'Channel', dataType: 'string', options });
            },
            ['WARN', '"Channel" is a list without "Video Conference"'],
          ],
        ] as const
      ).map(([name, spoil, sentences]) => [name, version, spoil, sentences] as const),
    ),
  )('a conversation attribute that is %s, by version %s', async (_name, appVersion, spoil, sentences) => {
    const { settings, workspace } = arrange({ appVersion });
    spoil(workspace);
    const { problems } = await examine(settings);
    expect(problems).toHaveLength(1 + NOT_RUNNING.length);
    expect(problems[0]).toMatch(/^\w+ +conversation attributes/);
    for (const sentence of sentences) expect(problems[0]).toContain(sentence);
  });

  test.each([
    ['fast', '2026-10-15T14:58:00Z', '120 s fast'],
    ['slow', '2026-10-15T15:00:40Z', '41 s slow'],
  ])('a clock that is %s', async (_name, at, sentence) => {
    const { settings } = arrange({ clock: createMovedClock(at) });
    const { problems, failure } = await examine(settings);
    expect(problems[0]).toContain(`this machine's clock is ${sentence}`);
    expect(problems[0]).toContain('→ Let it be set from the network');
    expect(failure).toBeNull();
  });

  test.each(['DATABASE_PATH', 'EXPORT_DIR'])('a directory that cannot be written: %s', async (name) => {
    const { settings, directory } = arrange();
    writeFileSync(join(directory, 'file'), '');
    const { problems, failure } = await examine({ ...settings, [name]: join(directory, 'file', 'below') });
    expect(failure).not.toBeNull();
    expect(problems[0]).toContain(`can't write to ${join(directory, 'file')}`);
    expect(problems[0]).toContain(`→ Set ${name} to a directory that the service may write to`);
  });

  test('files that others can read, and a disk that is nearly full', async () => {
    const { settings, directory } = arrange();
    await openSqliteStore({ path: settings['DATABASE_PATH'] ?? '', timeZone: 'America/New_York' }).close();
    chmodSync(join(directory, 'engagement.db'), 0o644);
    mkdirSync(join(directory, 'exports'), { mode: 0o755 });
    const { problems } = await examine(settings, { freeBytes: () => 1e9 });
    expect(problems.slice(0, 3)).toEqual([
      expect.stringMatching(/^WARN +database +others[^]*→ chmod 600/),
      expect.stringMatching(/^WARN +export directory[^]*→ chmod 700/),
      expect.stringMatching(/^WARN +disk +1\.0 GB free/),
    ]);
    expect((await examine(settings, { freeBytes: () => 1e8 })).failure).toMatch(/^1 of/);
  });

  test.each<[string, (path: string) => void, string]>([
    [
      'of another workspace',
      (path) =>
        change(
          path,
          `insert into meta (name, value) values ('workspace', '{"id":"other1","timeZone":"UTC"}')`,
        ),
      'the database belongs to workspace other1, the token to sandbox1',
    ],
    [
      'of a newer version',
      (path) => change(path, 'update __drizzle_migrations set created_at = created_at + 1e12'),
      'used by a newer version',
    ],
    [
      'that is none',
      (path) => writeFileSync(path, 'no database, '.repeat(1000)),
      "can't be used: SQLITE_NOTADB",
    ],
    [
      'that is damaged',
      (path) => writeFileSync(path, readFileSync(path).fill(0x5a, 5 * 4096, 6 * 4096)),
      "can't be used: it fails its integrity check",
    ],
  ])('a database %s', async (_name, spoil, sentence) => {
    const { settings } = arrange();
    const path = settings['DATABASE_PATH'] ?? '';
    await openSqliteStore({ path, timeZone: 'America/New_York' }).close();
    spoil(path);
    const { problems, failure } = await examine(settings);
    expect(failure).toMatch(/^1 of/);
    expect(problems[0]).toContain(sentence);
    expect(problems[0]).toContain('→ ');
  });

  test.each(['Dublin', null, ''])(
    'a workspace whose time zone Intercom gives as %j',
    async (shownTimeZone) => {
      const { settings } = arrange({ shownTimeZone });
      const { problems, failure, text } = await examine(settings);
      expect(failure).toBeNull();
      expect(problems[0]).toMatch(
        /^WARN +workspace +Intercom names no time zone .*UTC is used[^]*→ Set it in/,
      );
      expect(text).toContain('workspace sandbox1, time zone UTC');
    },
  );

  test('names that come close to a setting', async () => {
    const { settings } = arrange();
    const { problems, failure } = await examine({ ...settings, DRYRUN: 'true' });
    expect(failure).toBeNull();
    expect(problems[0]).toMatch(/^WARN +settings +DRYRUN is set but not read[^]*→ If DRY_RUN is meant/);
  });

  test('settings that are not those of the service, which other commands refuse to work with', async () => {
    const { settings } = arrange();
    const path = settings['DATABASE_PATH'] ?? '';
    await openSqliteStore({ path, timeZone: 'UTC' }).close();
    const { problems, failure } = await examine(settings);
    expect(failure).toBeNull();
    expect(problems).toContainEqual(
      expect.stringMatching(/^WARN +settings +REPORT_TIMEZONE is America\/New_York here, but .* with UTC/),
    );
  });

  test('a service that was started with another secret', async () => {
    const { app, workspace, clock } = await createHarness();
    const { settings } = settingsFor(workspace);
    const { problems } = await examine(
      { ...settings, INTERCOM_CLIENT_SECRET: 'not-its-secret' },
      { clock, send: (request) => app.fetch(request) },
    );
    expect(problems).toContainEqual(
      expect.stringMatching(
        /^FAIL +webhooks .*answers 401 to a ping[^]*→ Restart it: it runs with another secret/,
      ),
    );
  });

  test("a secret that is not the app's", async () => {
    const { app, workspace, clock } = await createHarness();
    const { settings } = settingsFor(workspace);
    const post = async (secret: string): Promise<number> => {
      const body = JSON.stringify({ topic: 'conversation.admin.closed', id: 'n-1', data: { item: {} } });
      const headers = {
        'content-type': 'application/json',
        'x-hub-signature': signBody(Buffer.from(body), secret),
      };
      return (await app.request('/webhooks/intercom', { method: 'POST', headers, body })).status;
    };
    const send = (request: Request) => app.fetch(request);
    expect(await post('what-intercom-really-signs-with')).toBe(401);
    const first = await examine({ ...settings, API_TOKENS: API_TOKEN }, { clock, send });
    expect(first.problems).toContainEqual(
      expect.stringMatching(
        /^FAIL +webhooks .*1 requests had a wrong signature, 0 a right one[^]*→ Copy the client secret/,
      ),
    );
    const again = await examine({ ...settings, API_TOKENS: API_TOKEN }, { clock, send });
    expect(again.problems, "doctor's own pings prove nothing").toEqual(first.problems);
    // Somebody else's request among genuine ones is no failure.
    expect(await post(workspace.settings.clientSecret)).toBe(200);
    const then = await examine({ ...settings, API_TOKENS: API_TOKEN }, { clock, send });
    expect(then.problems).toContainEqual(
      expect.stringMatching(/^WARN +webhooks .*1 requests had a wrong signature/),
    );
  });

  test('settings that are wrong', async () => {
    const { status, stdout, stderr } = await runCommand(['doctor'], {
      PORT: 'none',
      INTERCOM_CLIENT_SECRET: 'hush',
    });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '1 of 1 checks failed\n' });
    for (const name of ['INTERCOM_ACCESS_TOKEN', 'INTERCOM_CLIENT_SECRET', 'PORT'])
      expect(stdout).toContain(name);
    expect(stdout).toContain('→ Set them in ./.env');
    expect(stdout).not.toContain('hush');
  });

  test('a token that travels unencrypted', async () => {
    const { settings } = arrange({}, 'http://proxy.example');
    const { problems } = await examine({ ...settings, INTERCOM_API_BASE: 'http://proxy.example' });
    expect(problems[0]).toContain('INTERCOM_API_BASE sends the token unencrypted');
  });
});

describe('doctor --fix', () => {
  const removeSome = (workspace: Workspace): void => {
    for (const name of ['Last Call', 'Engagement Status', 'Referral'])
      workspace.removeAttribute('contact', name);
  };

  test.each(['2.10', '2.14', '2.16', '2.17'] as const)(
    'makes what is missing, once, by version %s',
    async (appVersion) => {
      const { settings, workspace } = arrange({ appVersion });
      removeSome(workspace);
      const first = await examine(settings, { fix: true });
      expect(first).toMatchObject({ problems: NOT_RUNNING, failure: null });
      expect(first.text).toContain('"Last Call" has been made (date)');
      expect(first.text).toContain('"Engagement Status" has been made (text)');
      const made = workspace.state.attributes.contact.slice(-3);
      expect(made).toMatchObject([
        { name: 'Last Call', dataType: 'date', messengerWritable: false },
        { name: 'Engagement Status', dataType: 'string', messengerWritable: false },
        { name: 'Referral', dataType: 'string', messengerWritable: false },
      ]);
      const again = await examine(settings, { fix: true });
      expect(again).toMatchObject({ problems: NOT_RUNNING, failure: null });
      expect(workspace.calls.matching({ method: 'POST', path: '/data_attributes' })).toHaveLength(3);
      expect(workspace.state.attributes.contact).toHaveLength(KEPT_ATTRIBUTES.length);
    },
  );

  test('without the permission says which one, and does not insist', async () => {
    const { settings, workspace } = arrange({ missingScopes: [SCOPES.writeAttributes] });
    removeSome(workspace);
    const { problems, failure } = await examine(settings, { fix: true });
    expect(failure).toMatch(/^2 of/);
    expect(problems[0]).toContain('Intercom does not let the app: Write data attributes');
    expect(problems[1]).toContain('missing: "Last Call", "Engagement Status", "Referral"');
    expect(workspace.calls.matching({ method: 'POST', path: '/data_attributes' })).toHaveLength(1);
  });

  test("a name that is taken elsewhere is told in Intercom's words, and the others are made", async () => {
    const { settings, workspace } = arrange();
    removeSome(workspace);
    workspace.addAttribute({ model: 'company', name: 'Engagement Status', dataType: 'string' });
    const { problems, text } = await examine(settings, { fix: true });
    expect(problems[0]).toMatch(/"Engagement Status" could not be made \(.*parameter_invalid/);
    expect(problems[0]).toContain('→ make "Engagement Status" (text) in');
    expect(text).toContain('"Referral" has been made');
  });

  test('somebody who makes it at the same moment is no failure', async () => {
    const { settings, workspace } = arrange();
    workspace.removeAttribute('contact', 'Referral');
    // The answer is lost, the attribute is there.
    workspace.faults.next({ method: 'POST', path: '/data_attributes' }, { kind: 'answer-lost' });
    expect(await examine(settings, { fix: true })).toMatchObject({ problems: NOT_RUNNING, failure: null });
  });
});

test('the oldest Node that is let through is the one that the package names', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8'))).toMatchObject({
    engines: { node: `>=${MIN_NODE.replace(/\.0$/, '')}` },
  });
});

function settingsFor(workspace: Workspace): { readonly settings: Record<string, string> } {
  const directory = temporaryDirectory();
  return {
    settings: {
      INTERCOM_ACCESS_TOKEN: workspace.settings.token,
      INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
      DATABASE_PATH: join(directory, 'engagement.db'),
      EXPORT_DIR: join(directory, 'exports'),
    },
  };
}

function change(path: string, sql: string): void {
  const sqlite = new Database(path);
  sqlite.exec(sql);
  sqlite.close();
}

test.each([
  ['20.20.2', true],
  ['22.9.0', true],
  ['22.17.1', true],
  ['22.18.0', false],
  ['23.0.0', false],
  ['24.21.0', false],
  ['100.0.0', false],
])('Node %s is too old: %s', (version, isTooOld) => {
  expect(isNodeTooOld(version)).toBe(isTooOld);
});
