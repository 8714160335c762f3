import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBuiltService, type BuiltService } from './built-service.js';
import { findBarriers, launchBrowser, openPage, signIn } from './watched-page.js';

let browser: Browser;
let running: BuiltService;

beforeAll(async () => {
  browser = await launchBrowser();
  running = await startBuiltService({ members: 120 });
  await running.filled();
});
afterAll(async () => {
  await browser.close();
  await running.stop();
});

type Cells = Readonly<Record<string, string>>;

/** The table as people see it: one object for each row, keyed by heading. Empty cells are empty. */
function readTable(page: Page): Promise<Cells[]> {
  return page.evaluate(() => {
    const table = document.querySelector('#rows');
    const textOf = (cell: Element): string =>
      cell.querySelector('.nothing') === null ? (cell.textContent ?? '').trim() : '';
    const headings = [...(table?.querySelectorAll('thead th') ?? [])].map((heading) =>
      (heading.textContent ?? '').replace(/[↕↑↓]/g, '').trim(),
    );
    return [...(table?.querySelectorAll('tbody tr') ?? [])].map((row) =>
      Object.fromEntries([...row.children].map((cell, index) => [headings[index] ?? '', textOf(cell)])),
    );
  });
}

/** A click that leads to another page, until that is there. */
async function follow(page: Page, link: Locator): Promise<void> {
  await Promise.all([page.waitForEvent('load'), link.click()]);
}

/** All pages of the table, by its own links. */
async function readWholeTable(page: Page): Promise<Cells[]> {
  const rows = await readTable(page);
  const next = page.getByRole('link', { name: 'Next page' });
  while ((await next.count()) > 0) {
    await follow(page, next);
    rows.push(...(await readTable(page)));
  }
  return rows;
}

async function downloadCsv(page: Page): Promise<Cells[]> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#csv').click()]);
  expect(download.suggestedFilename()).toMatch(/\.csv$/);
  const file = readFileSync(await download.path());
  // Or a spreadsheet takes it for another encoding.
  expect([...file.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  const rows: Cells[] = parse(file, { bom: true, columns: true });
  return rows;
}

/** What a row of the CSV says under the headings of the page, for the columns whose text is the same in both. */
const REPORTS: readonly {
  readonly path: string;
  readonly sameAs: (row: Cells) => Cells;
  readonly sortBy: readonly string[];
  /** Each filter that is a drawer of boxes, and where the CSV says what it chooses by. */
  readonly choices: Readonly<Record<string, string>>;
  /** The filter that is a number of days: what to fill in, and what the CSV must say then. */
  readonly days?: { readonly label: string; readonly fill: number; readonly fits: (row: Cells) => boolean };
}[] = [
  {
    path: '/intercom/caseload',
    sameAs: (row) => ({
      Member: row['memberName'] || row['memberId'] || '',
      'User ID': row['memberId'] ?? '',
      Employer: row['client'] ?? '',
      Coaches: (row['coachNames'] ?? '').replaceAll('; ', ', '),
      Channels: row['channelCombo'] ?? '',
      'Days since': row['daysSinceLastSession'] ?? '',
    }),
    sortBy: ['Member', 'User ID', 'Employer', 'Coaches', 'Channels', 'Last session', 'Days since'],
    choices: { Coach: 'coachNames', Employer: 'client', Channel: 'channelsUsed' },
    days: { label: 'Days back', fill: 20, fits: (row) => Number(row['daysSinceLastSession']) <= 20 },
  },
  {
    path: '/intercom/sessions',
    sameAs: (row) => ({
      Member: row['memberName'] || row['memberId'] || '',
      Employer: row['client'] ?? '',
      Coach: row['coachName'] ?? '',
      Channel: row['channel'] ?? '',
      'Service Code': row['serviceCode'] ?? '',
      'Days since': row['daysSince'] ?? '',
    }),
    sortBy: ['Closed', 'Member', 'Employer', 'Coach', 'Channel', 'Service Code', 'Days since'],
    choices: { Coach: 'coachName', Employer: 'client', Channel: 'channel' },
    days: { label: 'Days back', fill: 5, fits: (row) => Number(row['daysSince']) <= 5 },
  },
  {
    path: '/intercom/new-participants',
    sameAs: (row) => ({
      Member: row['memberName'] || row['memberId'] || '',
      'User ID': row['memberId'] ?? '',
      Employer: row['client'] ?? '',
      'Days without a session': row['daysWithoutSession'] ?? '',
    }),
    sortBy: [
      'Member',
      'User ID',
      'Employer',
      'Enrolled',
      'First session',
      'Last session',
      'Days without a session',
    ],
    choices: { Coach: 'coachNames', Employer: 'client', Channel: 'channelsUsed' },
    days: { label: 'Days back', fill: 90, fits: (row) => Number(row['daysSinceParticipant']) <= 90 },
  },
  {
    path: '/intercom/billing',
    sameAs: (row) => ({
      Member: row['memberName'] || row['memberId'] || '',
      'User ID': row['memberId'] ?? '',
      Employer: row['employer'] ?? '',
      'New participant': row['isNewParticipant'] === 'true' ? 'yes' : 'no',
      'Engaged during month': row['engagedDuringMonth'] === 'true' ? 'yes' : 'no',
    }),
    sortBy: ['Employer', 'Member', 'Enrolled', 'Last session', 'New participant', 'Engaged during month'],
    choices: { Employer: 'employer' },
  },
  {
    path: '/intercom/upcoming?days=40',
    sameAs: (row) => ({
      Member: row['memberName'] || row['memberId'] || '',
      Employer: row['client'] ?? '',
      From: row['fromStatus'] ?? '',
      To: row['toStatus'] ?? '',
      Coach: row['coachName'] ?? '',
    }),
    sortBy: ['Change date', 'Member', 'Employer', 'From', 'To', 'Coach', 'Last qualifying call'],
    choices: { Coach: 'coachName', Employer: 'client' },
    days: { label: 'Days ahead', fill: 10, fits: (row) => (row['changesOn'] ?? '') <= dayAhead(10) },
  },
  {
    path: '/intercom/data-quality',
    sameAs: (row) => ({
      Problem: row['problem'] ?? '',
      'How to fix it': row['reasons'] ?? '',
      Coach: row['coachName'] ?? '',
      Member: row['memberName'] || row['memberId'] || '',
      Employer: row['client'] ?? '',
      Conversation: row['conversationId'] ?? '',
    }),
    sortBy: ['Problem', 'Coach', 'Closed', 'Member', 'Employer', 'Conversation'],
    choices: { Problem: 'problem', Coach: 'coachName', Employer: 'client' },
    days: {
      label: 'Days back',
      fill: 60,
      fits: (row) => row['closedAt'] === '' || (row['closedAt'] ?? '') >= dayAhead(-61),
    },
  },
];

/** A calendar date so many days from today, as the reports' time zone has it. */
function dayAhead(days: number): string {
  const zone = { timeZone: 'America/New_York' };
  return new Intl.DateTimeFormat('en-CA', zone).format(Date.now() + days * 86_400_000);
}

function onlyColumns(rows: readonly Cells[], like: Cells): Cells[] {
  return rows.map((row) => Object.fromEntries(Object.keys(like).map((name) => [name, row[name] ?? ''])));
}

test.each(REPORTS)('$path: the CSV holds the rows of the table, in its order', async ({ path, sameAs }) => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, withLimit(path));
  const { page } = watched;
  const csv = (await downloadCsv(page)).map(sameAs);
  const table = await readWholeTable(page);
  expect(csv.length).toBeGreaterThan(0);
  expect(onlyColumns(table, csv[0] ?? {})).toEqual(csv);
});

test.each(REPORTS)('$path: every heading sorts, both ways', async ({ path, sortBy, sameAs }) => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, withLimit(path));
  const { page } = watched;
  for (const name of sortBy) {
    const heading = page.locator('#rows thead').getByRole('link', { name, exact: true });
    const seen: string[] = [];
    for (let click = 0; click < 2; click += 1) {
      await follow(page, heading);
      const direction = await page.locator('#rows th[aria-sort]').getAttribute('aria-sort');
      expect(await page.locator('#rows th[aria-sort]').textContent()).toContain(name);
      seen.push(direction ?? '');
    }
    expect(seen.toSorted()).toEqual(['ascending', 'descending']);
  }
  // The order of names, which the table's rows tell by themselves, in table and CSV alike.
  const byName = page.locator('#rows thead').getByRole('link', { name: 'Member', exact: true });
  await follow(page, byName);
  if ((await page.locator('#rows th[aria-sort]').getAttribute('aria-sort')) === 'descending') {
    await follow(page, byName);
  }
  const csv = (await downloadCsv(page)).map(sameAs);
  const table = await readWholeTable(page);
  expect(onlyColumns(table, csv[0] ?? {})).toEqual(csv);
  const names = csv.map(({ Member }) => Member ?? '').filter((name) => !/^(M\d|[0-9a-f]{24})/.test(name));
  const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true });
  expect(names).toEqual(names.toSorted((one, other) => collator.compare(one, other)));
});

test('filters narrow the table, stand in the address and can be reset', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/caseload?limit=100');
  const { page } = watched;
  const everybody = await readWholeTable(page);
  const employer = everybody.find((row) => row['Employer'] !== '')?.['Employer'] ?? '';

  await page.goto('/intercom/caseload');
  await page.getByText('Employer: all').click();
  await page.getByRole('checkbox', { name: employer, exact: true }).check();
  await page.getByLabel('Days back').fill('60');
  await page.getByLabel('Rows').selectOption('100');
  await follow(page, page.getByRole('button', { name: 'Show' }));
  const address = new URL(page.url());
  expect(address.searchParams.getAll('employer')).toEqual([employer]);
  expect(address.searchParams.get('lookbackDays')).toBe('60');
  const rows = await readWholeTable(page);
  const expected = everybody.filter((row) => row['Employer'] === employer && Number(row['Days since']) <= 60);
  // Their coaches and channels are those of the shorter time.
  const who = (row: Cells): string => `${row['User ID'] ?? ''} ${row['Last session'] ?? ''}`;
  expect(rows.map(who)).toEqual(expected.map(who));
  expect(rows.length).toBeGreaterThan(0);

  await page.goto(address.href);
  expect(await page.getByRole('button', { name: 'Show' }).count()).toBe(1);
  await page.getByText(`Employer: ${employer}`).waitFor();
  await follow(page, page.getByRole('link', { name: 'Reset' }));
  expect(new URL(page.url()).search).toBe('');
});

/** The most rows that a page shows. */
function withLimit(path: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}limit=100`;
}

/** Opens a drawer, ticks its last box and says what that is. */
async function choose(page: Page, label: string): Promise<string> {
  await page
    .locator('.choices summary')
    .filter({ hasText: `${label}:` })
    .click();
  const box = page.locator('.choices[open] label').last();
  await box.click();
  return (await box.textContent())?.trim() ?? '';
}

test.each(REPORTS)('$path: each filter takes what it should, in table and CSV alike', async (report) => {
  const { path, sameAs, choices, days } = report;
  const watched = await openPage(browser, running.url);
  const { page } = watched;
  const start = `${withLimit(path)}&sort=memberName`;
  await signIn(watched, start);
  const checkRows = async (fits: (row: Cells) => boolean): Promise<void> => {
    await follow(page, page.getByRole('button', { name: 'Show' }));
    const csv = await downloadCsv(page);
    expect(csv.length).toBeGreaterThan(0);
    expect(csv.filter((row) => !fits(row))).toEqual([]);
    const table = await readWholeTable(page);
    expect(onlyColumns(table, sameAs({}))).toEqual(csv.map(sameAs));
  };
  for (const [label, column] of Object.entries(choices)) {
    await page.goto(start);
    const chosen = await choose(page, label);
    await checkRows((row) => (row[column] ?? '').split('; ').includes(chosen));
    await page.getByText(`${label}: ${chosen}`).waitFor();
  }
  if (days === undefined) return;
  await page.goto(start);
  await page.getByLabel(days.label).fill(String(days.fill));
  await checkRows(days.fits);
});

test('a month of billing, dates of sessions and of enrollment are filters too', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/billing');
  const { page } = watched;
  const month = await page.getByLabel('Month').inputValue();
  const [year = 0, number = 0] = month.split('-').map(Number);
  const before = new Date(Date.UTC(year, number - 2, 1)).toISOString().slice(0, 7);
  await page.getByLabel('Month').fill(before);
  await follow(page, page.getByRole('button', { name: 'Show' }));
  expect(new URL(page.url()).searchParams.get('month')).toBe(before);
  expect(await page.locator('.tile dt').first().textContent()).toContain(before.slice(0, 4));

  for (const [path, from, to] of [
    ['/intercom/sessions', 'From', 'To'],
    ['/intercom/new-participants', 'Enrolled from', 'Enrolled to'],
  ] as const) {
    await page.goto(path);
    const all = await page.locator('#row-count').textContent();
    await page.getByLabel(from, { exact: true }).fill(`${before}-01`);
    await page.getByLabel(to, { exact: true }).fill(`${before}-28`);
    await follow(page, page.getByRole('button', { name: 'Show' }));
    expect(await page.locator('#row-count').textContent()).not.toBe(all);
  }
});

test('an impossible address is explained on its page, and fixed there', async () => {
  const watched = await openPage(browser, running.url, { except: /status of 400/ });
  await signIn(watched);
  const { page } = watched;
  const answer = await page.goto('/intercom/caseload?lookbackDays=400&channel=Phone&nonsense=1&limit=7');
  expect(answer?.status()).toBe(400);
  const said = await page.getByRole('alert').textContent();
  expect(said).toContain('Days back must be a whole number from 1 to 365');
  expect(said).toContain('limit must be one of: 25, 50, 100');
  expect(await findBarriers(page)).toEqual([]);
  await page.getByLabel('Days back').fill('40');
  await follow(page, page.getByRole('button', { name: 'Show' }));
  const { searchParams } = new URL(page.url());
  expect(Object.fromEntries(searchParams)).toEqual({ lookbackDays: '40', channel: 'Phone', limit: '50' });
  expect((await readTable(page)).length).toBeGreaterThan(0);
});

const ALL_PAGES = [
  '/sign-in',
  '/intercom',
  ...REPORTS.map(({ path }) => path),
  '/intercom/caseload?employer=nobody',
  '/intercom/activity',
  'member',
  'run',
  '/intercom/nothing',
];

/** Leads to one of `ALL_PAGES`, with the member and the run that there are. */
async function goTo(page: Page, name: string): Promise<void> {
  if (name === 'run') {
    await page.goto('/intercom/activity');
    await follow(page, page.locator('#ended-runs a').first());
    return;
  }
  const member = running.workspace.contacts().find(({ role, archived }) => role === 'user' && !archived);
  await page.goto(name === 'member' ? `/intercom/members/${member?.id ?? ''}` : name);
}

test.each(['light', 'dark'] as const)('no page has a serious barrier, in %s', async (colorScheme) => {
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 390, height: 844 },
  ]) {
    // The page that is not there is the one thing that a browser complains of.
    const watched = await openPage(browser, running.url, { colorScheme, viewport, except: /status of 404/ });
    const { page } = watched;
    const barriers: string[] = [];
    await page.goto('/sign-in');
    barriers.push(...(await findBarriers(page)));
    await signIn(watched);
    for (const path of ALL_PAGES.slice(1)) {
      await goTo(page, path);
      // What can be opened is looked at too.
      for (const drawer of await page.locator('details').all()) {
        await drawer.evaluate((element) => element.setAttribute('open', ''));
      }
      barriers.push(...(await findBarriers(page)).map((finding) => `${path} ${viewport.width}: ${finding}`));
      const isWider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      if (isWider) barriers.push(`${path} ${viewport.width}: wider than the screen`);
    }
    expect(barriers).toEqual([]);
  }
});

/** Marks what a person can act on with numbers, and says how many there are. */
function numberControls(page: Page): Promise<number> {
  return page.evaluate(() => {
    const controls = 'a[href], button, input:not([type="hidden"]), select, summary, [tabindex="0"]';
    const visible = [...document.querySelectorAll<HTMLElement>(controls)].filter((one) =>
      one.checkVisibility(),
    );
    visible.forEach((one, number) => one.setAttribute('data-number', String(number)));
    return visible.length;
  });
}

test('everything on every page can be reached by keyboard, in its order, and is seen to have the focus', async () => {
  const watched = await openPage(browser, running.url, { except: /status of 404/ });
  await signIn(watched);
  const { page } = watched;
  const unseen: string[] = [];
  for (const path of ALL_PAGES.slice(1)) {
    await goTo(page, path);
    const count = await numberControls(page);
    const reached: string[] = [];
    // A date has several stops of its own.
    for (let press = 0; press < count * 2 + 20 && !reached.includes(String(count - 1)); press += 1) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === null || element === document.body) return null;
        const { outlineStyle, boxShadow } = getComputedStyle(element);
        const isSeen = outlineStyle !== 'none' || boxShadow !== 'none';
        const { number = 'none' } = element instanceof HTMLElement ? element.dataset : {};
        return { number, isSeen, what: element.outerHTML.slice(0, 200) };
      });
      if (at === null) continue;
      if (!at.isSeen) unseen.push(`${path}: ${at.what}`);
      if (reached.at(-1) !== at.number) reached.push(at.number);
    }
    expect(`${path}: ${reached.join(' ')}`).toBe(
      `${path}: ${Array.from({ length: count }, (_, at) => at).join(' ')}`,
    );
  }
  expect(unseen).toEqual([]);
});

test('filters can be used by keyboard alone', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/caseload');
  const { page } = watched;
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to the content');
  await page.locator('.choices summary').first().focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.waitForURL(/coach=/);
});

test('without script everything but the live updates works', async () => {
  const watched = await openPage(browser, running.url, { javaScriptEnabled: false });
  const { page } = watched;
  await signIn(watched, '/intercom/caseload?limit=25');
  await follow(page, page.getByRole('link', { name: 'Next page' }));
  expect(page.url()).toContain('cursor=');
  await follow(page, page.getByRole('link', { name: 'Activity' }));
  expect(await page.getByRole('button', { name: 'Pause updates' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goto('/intercom/caseload');
  expect(new URL(page.url()).pathname).toBe('/sign-in');
});

test('a wrong token is refused with a sentence', async () => {
  const watched = await openPage(browser, running.url, { except: /status of 403/ });
  const { page } = watched;
  await page.goto('/intercom');
  await page.getByLabel('Token').fill('not-one-of-the-tokens');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').textContent()).toBe('That token isn’t valid.');
});

test('every page is light', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched);
  for (const path of ALL_PAGES.slice(1)) {
    if (path === 'run' || path === '/intercom/nothing') continue;
    await goTo(watched.page, REPORTS.some((report) => report.path === path) ? withLimit(path) : path);
    expect((await watched.page.content()).length).toBeLessThan(150 * 1024);
  }
});
