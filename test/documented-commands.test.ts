import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setupServer } from 'msw/node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { systemClock, type Clock } from '../src/clock.js';
import { populate } from '../src/sandbox/population.js';
import { runCommand, temporaryDirectory } from './support/command-line.js';
import { createHarness } from './support/harness.js';
import { requestOf, wordsOf } from './support/documented-examples.js';
import { DOCUMENTS } from './support/documents.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace, intercomSettings } from './support/test-workspace.js';

const PAGES = DOCUMENTS.map(({ path: page, text }) => ({ page, text }));

/** The blocks of a page in one of these languages; crontab lines are in blocks without any. */
function blocksIn(text: string, ...languages: readonly string[]): string[] {
  return [...text.matchAll(/^ *```(\w*)\n([^]*?)^ *```/gm)].flatMap(([, language = '', block = '']) =>
    languages.includes(language) ? [block] : [],
  );
}

/** A block's lines, with the values of the variables that it sets itself. */
function linesOf(block: string): string[] {
  const variables = [...block.matchAll(/^([A-Z]+)=(\S+)$/gm)];
  const lines = block.replaceAll('\\\n', ' ').split('\n');
  return lines.map((line) =>
    variables.reduce((text, [, name = '', value = '']) => text.replaceAll(`$${name}/`, `${value}/`), line),
  );
}

const LINES = PAGES.flatMap(({ page, text }) =>
  blocksIn(text, 'sh', '')
    .flatMap(linesOf)
    .map((line) => ({ page, line })),
);

/** The words behind the program's name, where the line runs this program. */
function wordsOfProgram(line: string): string[] | null {
  const words = /(?:^engagement|dist\/main\.js) ([a-z-].*)$/.exec(line)?.[1];
  if (words === undefined || line.includes('() {')) return null;
  return wordsOf(words.replace(/ *>\S+$/, '').replaceAll('$(date +\\%a)', 'Mon'));
}

const COMMANDS = LINES.flatMap(({ page, line }) => {
  const words = wordsOfProgram(line);
  return words === null ? [] : [{ page, line: line.trim(), words }];
});

/** Paths of the machine that the guide describes lie in `directory` here, and so does what a command writes beside itself. */
function inDirectory(words: readonly string[], directory: string): string[] {
  return words.map((word, at) =>
    word.startsWith('/') || words[at - 1] === '--out' ? join(directory, 'out', basename(word)) : word,
  );
}

test('there are commands of every kind', () => {
  const named = new Set(COMMANDS.map(({ words }) => words[0]));
  expect(named).toEqual(
    new Set(['backfill', 'backup', 'copy-to', 'doctor', 'reconcile', 'replay', 'report']),
  );
  expect(COMMANDS.length).toBeGreaterThan(10);
});

test('each command of this program does what it is documented for', async () => {
  const startedAtMs = systemClock.nowMs();
  // A date that the examples fit, on a clock that goes on.
  const clock: Clock = {
    nowMs: () => Date.parse('2026-11-25T15:00:00Z') + systemClock.nowMs() - startedAtMs,
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
  };
  const workspace = createTestWorkspace({ clock });
  populate(workspace, { members: 10, seed: 3 });
  const server = setupServer(...handlersFor(workspace));
  server.listen({ onUnhandledRequest: 'bypass' });
  onTestFinished(() => server.close());
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'out'));
  const settings = {
    ...intercomSettings(workspace),
    DATABASE_PATH: join(directory, 'engagement.db'),
    EXPORT_DIR: join(directory, 'exports'),
    // Where nothing listens: the doctor then says so.
    PORT: '9',
    LOG_LEVEL: 'warn',
  };
  expect((await runCommand(['backfill', '--days', '365'], settings, clock)).status).toBe(0);
  for (const { page, line, words } of COMMANDS) {
    // With a Postgres: test/postgres/copy-command.test.ts.
    if (words[0] === 'copy-to') continue;
    const { status, stdout, stderr } = await runCommand(inDirectory(words, directory), settings, clock);
    expect({ page, line, status, stderr }).toEqual({ page, line, status: 0, stderr: '' });
    expect(stdout.length > 0 || words.includes('--out')).toBe(true);
  }
});

test.each(['serve', 'sandbox'])(
  '%s, which goes on until it is stopped, is explained by --help',
  async (word) => {
    expect(PAGES.some(({ text }) => text.includes(`\`${word}\``) || text.includes(`main.js ${word}`))).toBe(
      true,
    );
    expect(await runCommand([word, '--help'])).toMatchObject({ status: 0, stderr: '' });
  },
);

test("no page sends anybody to a package of that name, which may be somebody else's", () => {
  for (const { text } of PAGES)
    expect(text).not.toMatch(/\bnp(?:x|m exec|m install -g) +intercom-engagement/);
});

test('scripts of npm that the pages name are there', () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')));
  const named = PAGES.flatMap(({ text }) => [
    ...[...text.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/\bnpm (start|test)\b/g)].map(([, name = '']) => name),
  ]);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  // What runs without the development dependencies.
  expect(scripts['start']).toBe('node dist/main.js serve');
});

describe('what is typed into a shell', () => {
  test.each(PAGES)('is understood by one: $page', ({ text }) => {
    const input = blocksIn(text, 'sh').join('\n');
    const { error, status, stderr } = spawnSync('sh', ['-n'], { input, encoding: 'utf8' });
    expect(error).toBeUndefined();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('asks addresses that are there', async () => {
    const harness = await createHarness();
    await harness.backfill();
    harness.workspace.addContact({ externalId: 'M-1001' });
    await harness.settle();
    const asked = LINES.filter(({ line }) => /^curl .*127\.0\.0\.1/.test(line));
    expect(asked.length).toBeGreaterThan(15);
    for (const { page, line } of asked) {
      // -fsS stands alone; everything else that curl is given here is known to the reader of examples.
      const request = requestOf(line.replace(/ -fsS\b/, ''));
      const answer = await harness.whileJobsRun(Promise.resolve(harness.app.request(request)));
      expect({ page, line, status: answer.status }).toEqual({
        page,
        line,
        status: line.includes('async') ? 202 : 200,
      });
      await harness.whileJobsRun(harness.jobs.settled());
    }
  });
});
