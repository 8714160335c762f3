import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeCsvHere } from '../src/reports/answer.js';
import type { CsvPiece } from '../src/http/csv.js';
import { engagement } from '../src/reports/engagement.js';
import { reportContext } from '../src/reports/report.js';
import type { PageRequest, ReportStore } from '../src/store/ports/reports.js';
import { warmUpReports } from '../src/reports/warm-up.js';
import { openReportThread } from '../src/reports/thread/open-report-thread.js';
import { BUNDLE_DIRECTORY } from './support/bundle-directory.js';
import { temporaryDirectory } from './support/command-line.js';
import { createFilledHarness, type Filling } from './support/filled-harness.js';
import {
  addMember,
  addReportMembers,
  at,
  createReportHarness,
  REPORT_AT,
} from './support/report-workspace.js';

const BUILT = pathToFileURL(join(BUNDLE_DIRECTORY, 'report-thread.js'));

const NOBODY = { coaches: [], employers: [], channels: [] } as const;
const WINDOW = { fromAt: 0, toAt: null } as const;
const MONTH = { fromOn: '2026-10-01', toOn: '2026-10-31', fromAt: 1_790_000_000, toAt: null } as const;

/** Every question there is, in a few forms. */
async function askEverything(reports: ReportStore): Promise<unknown> {
  const pages: PageRequest = { limit: 2, after: null };
  const enrolled = { ...NOBODY, enrolledFromOn: '2026-01-01', enrolledToOn: '2026-12-31' };
  const everybody = {
    referrals: [],
    employers: [],
    statuses: [],
    enrolledFromOn: null,
    enrolledToOn: null,
    lastSession: { fromAt: null, toAt: null },
  };
  const calls = { fromAt: 1_780_000_000, toAt: 1_800_000_000 };
  const billed = { enrolledFromOn: '2026-10-01', enrolledToOn: '2026-10-31', calls, employers: [] };
  const changes = { fromAt: 0, beforeAt: 2_000_000_000, coaches: [], employers: [] };
  const wrong = { problems: [], coaches: [], employers: [], closedFromAt: 0 };
  const caseload: unknown[] = [];
  for await (const batch of reports.caseload.all({ ...NOBODY, fromAt: 0 })) caseload.push(...batch);
  return {
    version: await reports.dataVersion(),
    caseload,
    caseloadCounts: await reports.caseloadCounts({ ...NOBODY, fromAt: 0 }, [1_790_000_000]),
    sessions: await reports.sessions.page({ ...NOBODY, window: WINDOW }, pages),
    sessionCount: await reports.sessions.count({ ...NOBODY, window: WINDOW }),
    sessionCounts: await reports.sessionCounts({ ...NOBODY, window: WINDOW }, [1_790_000_000]),
    participants: await reports.newParticipants.page(enrolled, pages),
    participantCounts: await reports.participantCounts(enrolled, ['2026-10-01']),
    billing: await reports.billing.page(billed, pages),
    engagement: await reports.engagement.page(everybody, pages),
    upcoming: await reports.upcoming.page(changes, pages),
    dataQuality: await reports.dataQuality.page(wrong, pages),
    overview: await reports.overview({ thisMonth: MONTH, lastMonth: MONTH, weekLimits: [1_790_000_000] }),
    choices: await reports.filterChoices(),
  };
}

test('a thread of its own answers every question as the store itself does, failures too', async () => {
  const database = `${temporaryDirectory()}/engagement.db`;
  const harness = await createReportHarness({ database });
  const { reports } = openReportThread({ place: { databasePath: database }, program: BUILT });
  onTestFinished(() => reports.close());
  expect(await askEverything(reports)).toEqual(await askEverything(harness.reports));
  await expect(
    reports.sessions.page({ ...NOBODY, window: WINDOW }, { limit: 2, after: 'nonsense' }),
  ).rejects.toMatchObject({ code: 'cursor_invalid', retry: 'never' });
  await reports.close();
  await expect(reports.dataVersion()).rejects.toMatchObject({ code: 'store_unavailable' });
});

/** More than one piece of a CSV. */
const MEMBERS = 600;
const MANY: Filling = {
  name: `${MEMBERS} members`,
  fill: (workspace) => {
    addReportMembers(workspace);
    for (let index = 0; index < MEMBERS; index += 1) addMember(workspace, { externalId: `m-${index}` });
  },
};

async function rowsOf(pieces: AsyncIterable<CsvPiece>): Promise<number> {
  let rows = 0;
  for await (const piece of pieces) rows += piece.rows;
  return rows;
}

describe('a CSV that a thread makes', () => {
  async function begin() {
    const database = `${temporaryDirectory()}/engagement.db`;
    const harness = await createFilledHarness(MANY, { at: REPORT_AT, database });
    const thread = openReportThread({ place: { databasePath: database }, program: BUILT });
    onTestFinished(() => thread.reports.close());
    const context = reportContext(thread.reports, at(REPORT_AT), 'America/New_York');
    const preparation = engagement.prepare({ bom: true, employer: [] }, context);
    if (preparation.kind === 'wrong') throw new Error('the report was refused');
    return { ...thread, harness, context, prepared: preparation.prepared };
  }

  test('is the same as one made here, whatever is asked beside it', async () => {
    const { reports, makeCsv, harness, context, prepared } = await begin();
    const made: CsvPiece[] = [];
    const other: CsvPiece[] = [];
    const beside = makeCsv(prepared, context);
    for await (const piece of makeCsv(prepared, context)) {
      made.push(piece);
      const next = await beside.next();
      if (next.done !== true) other.push(next.value);
      await reports.dataVersion();
    }
    const here: CsvPiece[] = [];
    const ownContext = { ...context, store: harness.reports };
    const own = engagement.prepare(prepared.given, ownContext);
    if (own.kind === 'wrong') throw new Error('the report was refused');
    for await (const piece of makeCsvHere(own.prepared, ownContext)) here.push(piece);
    expect(here.length).toBeGreaterThan(1);
    expect(made).toEqual(here);
    expect(other).toEqual(here);
  });

  test('is left off where its reader leaves it, and others go on', async () => {
    const { makeCsv, context, prepared } = await begin();
    for await (const { rows } of makeCsv(prepared, context)) {
      expect(rows).toBeGreaterThan(0);
      break;
    }
    expect(await rowsOf(makeCsv(prepared, context))).toBeGreaterThanOrEqual(MEMBERS);
  });

  test('fails when its thread ends on the way, instead of beginning anew; the next one is made whole', async () => {
    const { harness, ...made } = await begin();
    const directory = temporaryDirectory();
    const program = join(directory, 'ends-once.mjs');
    writeFileSync(
      program,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       await import(${JSON.stringify(BUILT.href)});
       const flag = ${JSON.stringify(join(directory, 'has-ended'))};
       parentPort.on('message', ({ question }) => {
         if (question.kind !== 'csvPiece' || existsSync(flag)) return;
         writeFileSync(flag, '');
         process.exit(1);
       });`,
    );
    const thread = openReportThread({
      place: { databasePath: harness.databasePath },
      program: pathToFileURL(program),
    });
    onTestFinished(() => thread.reports.close());
    await expect(rowsOf(thread.makeCsv(made.prepared, made.context))).rejects.toMatchObject({
      code: 'store_unavailable',
      retry: 'later',
    });
    expect(await rowsOf(thread.makeCsv(made.prepared, made.context))).toBeGreaterThanOrEqual(MEMBERS);
  });
});

test('only CSVs are made by the thread whose priority is low: what somebody waits for is not', async () => {
  const directory = temporaryDirectory();
  const database = `${directory}/engagement.db`;
  await createReportHarness({ database });
  const program = join(directory, 'tells.mjs');
  const told = join(directory, 'told');
  writeFileSync(
    program,
    `import { appendFileSync } from 'node:fs';
     import { parentPort, workerData } from 'node:worker_threads';
     await import(${JSON.stringify(BUILT.href)});
     parentPort.on('message', ({ question }) => {
       appendFileSync(${JSON.stringify(told)}, question.kind + ' ' + workerData.givesWay + '\\n');
     });`,
  );
  const { reports, makeCsv } = openReportThread({
    place: { databasePath: database },
    program: pathToFileURL(program),
  });
  onTestFinished(() => reports.close());
  await askEverything(reports);
  const context = reportContext(reports, at(REPORT_AT), 'America/New_York');
  const preparation = engagement.prepare({ employer: [] }, context);
  if (preparation.kind === 'wrong') throw new Error('the report was refused');
  await rowsOf(makeCsv(preparation.prepared, context));
  await reports.dataVersion();
  const kinds = new Set(readFileSync(told, 'utf8').trim().split('\n'));
  expect([...kinds].toSorted()).toEqual([
    'count false',
    'csv true',
    'csvPiece true',
    'other false',
    'page false',
  ]);
});

test('warming up asks every report once, and rejects nothing', async () => {
  const harness = await createReportHarness();
  const asked: string[] = [];
  const watched = new Proxy(harness.reports, {
    get: (target, name, receiver) => {
      asked.push(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
  await warmUpReports(watched, at(REPORT_AT), 'America/New_York');
  expect(asked).toEqual(
    expect.arrayContaining([
      'overview',
      'caseload',
      'sessions',
      'newParticipants',
      'billing',
      'upcoming',
      'dataQuality',
    ]),
  );
  await harness.reports.close();
  await expect(warmUpReports(harness.reports, at(REPORT_AT), 'America/New_York')).resolves.toBeUndefined();
});

test('a thread that can not begin fails its questions, and the next one begins anew', async () => {
  const directory = temporaryDirectory();
  const database = `${directory}/engagement.db`;
  const { reports } = openReportThread({ place: { databasePath: database }, program: BUILT });
  onTestFinished(() => reports.close());
  await expect(reports.dataVersion()).rejects.toMatchObject({ code: 'store_unavailable', retry: 'later' });
  const harness = await createReportHarness({ database });
  expect(await reports.dataVersion()).toBe(await harness.reports.dataVersion());
  rmSync(directory, { recursive: true, force: true });
});

test('a program that closes it while its last answer comes goes on, and does not end in the middle', async () => {
  const directory = temporaryDirectory();
  await build({
    entryPoints: ['src/reports/thread/open-report-thread.ts'],
    outfile: join(directory, 'open.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  writeFileSync(
    join(directory, 'answers.mjs'),
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', ({ id }) => parentPort.postMessage({ id, kind: 'ok', result: 1 }));`,
  );
  // Nothing else is under way, and the answer lies there before the end is asked for.
  writeFileSync(
    join(directory, 'program.mjs'),
    `import { openReportThread } from './open.mjs';
     const { reports } = openReportThread({ place: { databasePath: '' }, program: new URL('answers.mjs', import.meta.url) });
     void reports.dataVersion();
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
     await reports.close();`,
  );
  const child = spawn(process.execPath, [join(directory, 'program.mjs')], { stdio: 'ignore' });
  const [status] = await once(child, 'exit');
  expect(status).toBe(0);
});
