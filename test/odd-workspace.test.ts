import { describe, expect, test } from 'vitest';
import { AppError } from '../src/errors.js';
import { readAdmins, readWorkspace } from '../src/intercom/answers.js';
import { createHarness } from './support/harness.js';

const ODD_ZONES: readonly unknown[] = [
  'Dublin',
  'Eastern Time (US & Canada)',
  '',
  ' ',
  null,
  undefined,
  5,
  [],
  '+01:00',
];

describe('a workspace whose time zone is no IANA name', () => {
  test.each(ODD_ZONES)(
    '%j: UTC is used, sweeps end well, and the activity page says so',
    async (shownTimeZone) => {
      const harness = await createHarness({ workspace: { shownTimeZone } });
      const { workspace, store } = harness;
      workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-10' } });
      await harness.backfill();
      const run = await harness.runJob({
        job: 'reconcile',
        params: { lookbackDays: null, dryRun: false, force: false },
      });
      expect(run).toMatchObject({ status: 'done', reason: null });
      expect(await store.readWorkspace()).toEqual({ id: 'sandbox1', timeZone: 'UTC', lacksTimeZone: true });
      const page = await (await harness.get('/intercom/activity')).text();
      expect(page).toContain('names no time zone of the workspace');
    },
  );

  test('that an older program has stored as it was is no obstacle either', async () => {
    const harness = await createHarness();
    await harness.backfill();
    await harness.store.bindWorkspace({ id: 'sandbox1', timeZone: 'Dublin' });
    expect(await harness.store.readWorkspace()).toEqual({
      id: 'sandbox1',
      timeZone: 'UTC',
      lacksTimeZone: true,
    });
    const run = await harness.runJob({ job: 'sweep', params: {} });
    expect(run.status).toBe('done');
  });

  test('and one that has a name is said nothing of', async () => {
    const harness = await createHarness({ workspace: { shownTimeZone: 'Europe/Dublin' } });
    await harness.backfill();
    await harness.runJob({ job: 'reconcile', params: { lookbackDays: null, dryRun: true, force: false } });
    expect(await harness.store.readWorkspace()).toEqual({ id: 'sandbox1', timeZone: 'Europe/Dublin' });
    expect(await (await harness.get('/intercom/activity')).text()).not.toContain('names no time zone');
  });
});

describe('what else Intercom may leave out', () => {
  test.each<[unknown, string | null]>([
    [{ app: { id_code: 'abc', timezone: 'UTC' } }, 'abc'],
    [{ app: { id_code: 17 } }, '17'],
    [{ type: 'admin', email: null, app: { id_code: 'abc', timezone: null, region: null } }, 'abc'],
    [{ app: { id_code: null, timezone: 'UTC' } }, null],
    [{ app: { id_code: 'a b' } }, null],
    [{ app: null }, null],
    [{}, null],
    [null, null],
    [[], null],
  ])('GET /me %j names the workspace %j', (body, id) => {
    expect(readWorkspace(body)?.id ?? null).toBe(id);
  });

  test('odd entries among the admins are left out, and odd fields count as absent', () => {
    const admins = [
      null,
      'x',
      [],
      {},
      { id: null },
      { id: 1, name: null, email: 5 },
      { id: '2', name: ' ', email: 'a@b.example' },
    ];
    expect(readAdmins({ admins })).toEqual([
      { id: '1', name: null, email: null },
      { id: '2', name: null, email: 'a@b.example' },
    ]);
    for (const body of [{ admins: null }, {}, null, []]) expect(readAdmins(body)).toBeNull();
  });

  test('a list of admins that can not be read costs the names of coaches and no run', async () => {
    const harness = await createHarness({
      wrapIntercom: (intercom) => ({
        ...intercom,
        listAdmins: () =>
          Promise.reject(
            new AppError(
              'intercom_answer_unreadable',
              'later',
              'GET /admins: the answer is no list of admins',
            ),
          ),
      }),
    });
    harness.workspace.addContact({});
    expect((await harness.backfill()).status).toBe('done');
    const run = await harness.runJob({
      job: 'reconcile',
      params: { lookbackDays: null, dryRun: false, force: false },
    });
    expect(run.status).toBe('done');
    const said = harness.logLines.filter((line) => line.includes('names of coaches'));
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('GET /admins');
  });
});
