import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { addReportCommand, runReport } from '../src/report-command.js';
import { REPORTS } from '../src/reports/catalogue.js';
import { API_TOKEN } from './support/harness.js';
import { createReportHarness } from './support/report-workspace.js';

/** The lines of the README's examples in the section "Reports" that begin with `word`. */
function examples(word: string): string[] {
  const readme = readFileSync('README.md', 'utf8');
  const section = /^## Reports$(.*?)^## /ms.exec(readme)?.[1] ?? '';
  const blocks = [...section.matchAll(/^```sh$(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith(`${word} `));
}

/** The words of a line as a shell passes them on. */
function wordsOf(line: string): string[] {
  const set = line.replaceAll('$TOKEN', API_TOKEN);
  return [...set.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}

/** What curl sends. */
function requestOf(line: string): Request {
  const [, ...words] = wordsOf(line);
  const headers = new Headers();
  let url = '';
  let body: string | undefined;
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: (.*)/s);
      headers.set(name, value);
    } else if (word === '-d') {
      body = words.shift() ?? '';
      headers.set('content-type', 'application/x-www-form-urlencoded');
    } else if (word === '-o') words.shift();
    else url = word;
  }
  return new Request(url, body === undefined ? { headers } : { method: 'POST', headers, body });
}

test.each(examples('curl'))('%s', async (line) => {
  const exportDir = mkdtempSync(join(tmpdir(), 'engagement-readme-'));
  onTestFinished(() => rmSync(exportDir, { recursive: true, force: true }));
  const { app } = await createReportHarness({ exportDir });
  const answer = await app.request(requestOf(line));
  expect({ line, status: answer.status }).toEqual({ line, status: 200 });
  const text = await answer.text();
  expect(text.length).toBeGreaterThan(20);
  expect(answer.headers.get('content-type')).toContain(
    line.includes('csv"') && line.includes('Accept')
      ? 'text/csv'
      : line.includes('Status')
        ? 'text/csv'
        : 'json',
  );
  const exported = join(exportDir, '2026', 'engagement.csv');
  expect(existsSync(exported)).toBe(line.includes('outputPath'));
});

test('every report has an example', () => {
  const asked = new Set(examples('curl').map((line) => new URL(requestOf(line).url).pathname));
  for (const { path } of REPORTS) expect(asked).toContain(path);
});

test.each(examples('npx'))('%s', async (line) => {
  const folder = mkdtempSync(join(tmpdir(), 'engagement-readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const harness = await createReportHarness();
  const printed: string[] = [];
  const stdout = new Writable({
    write: (chunk, _, done) => {
      printed.push(String(chunk));
      done();
    },
  });
  const program = new Command('intercom-engagement').exitOverride();
  addReportCommand(program, ({ out, ...request }) =>
    runReport(
      { ...request, out: out === undefined ? undefined : join(folder, out) },
      { ...harness.appDeps, stdout },
    ),
  );
  const [, name, ...words] = wordsOf(line);
  expect(name).toBe('intercom-engagement');
  await program.parseAsync(words, { from: 'user' });
  const written = join(folder, 'billing.csv');
  const text = existsSync(written) ? readFileSync(written, 'utf8') : printed.join('');
  expect(text.length).toBeGreaterThan(20);
});
