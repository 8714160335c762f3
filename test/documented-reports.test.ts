import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { addReportCommand, runReport } from '../src/cli/report.js';
import { REPORTS } from '../src/reports/catalog.js';
import { examples, requestOf, wordsOf } from './support/documented-examples.js';
import { documentAt, sectionOf } from './support/documents.js';
import { createHarness } from './support/harness.js';
import { createReportHarness } from './support/report-workspace.js';

test.each(examples('Reports', 'curl'))('%s', async (line) => {
  const exportDir = mkdtempSync(join(tmpdir(), 'engagement-documents-'));
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
  const asked = new Set(examples('Reports', 'curl').map((line) => new URL(requestOf(line).url).pathname));
  for (const { path } of REPORTS) expect(asked).toContain(path);
});

test.each(examples('Reports', 'node'))('%s', async (line) => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-documents-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
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
      { ...request, out: out === undefined ? undefined : join(directory, out) },
      { ...harness.appDeps, stdout },
    ),
  );
  const [, name, ...words] = wordsOf(line);
  expect(name).toBe('dist/main.js');
  await program.parseAsync(words, { from: 'user' });
  const written = join(directory, 'billing.csv');
  const text = existsSync(written) ? readFileSync(written, 'utf8') : printed.join('');
  expect(text.length).toBeGreaterThan(20);
});

const bodySchema = z.looseObject({
  requestBody: z.looseObject({
    content: z.looseObject({
      'application/json': z.looseObject({
        schema: z.looseObject({
          properties: z.record(z.string(), z.looseObject({ default: z.unknown().optional() })),
        }),
      }),
    }),
  }),
});

/** The parameters of a section with what stands behind their names as their default, `none` where nothing does. */
function documentedParameters(heading: string): Record<string, string> {
  const section = sectionOf(documentAt('docs/http.md'), heading);
  const items = section.matchAll(/^- ((?:`\w+`(?:, )?)+)(?: \(([^)]*)\))?: /gm);
  return Object.fromEntries(
    [...items].flatMap(([, names = '', about = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [
        name,
        /^default `(.+)`$/.exec(about)?.[1] ?? 'none',
      ]),
    ),
  );
}

test('docs/http.md names the parameters of every report with their defaults, and no others', async () => {
  const shared = documentedParameters('### For every report');
  expect(Object.keys(shared)).toEqual(['format', 'bom', 'limit', 'cursor']);
  const document: unknown = await (await (await createHarness()).get('/openapi.json')).json();
  const { paths } = z
    .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(document);
  for (const { path, title, name } of REPORTS) {
    const { schema } = bodySchema.parse(paths[path]?.['post']).requestBody.content['application/json'];
    const defaults = Object.entries(schema.properties).map(([field, { default: value }]) => [
      field,
      typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'none',
    ]);
    const { limit: _limit, cursor: _cursor, ...withoutPages } = shared;
    const documented = {
      ...(name === 'overview' ? withoutPages : shared),
      ...documentedParameters(`### ${title}`),
    };
    expect({ path, parameters: documented }).toEqual({ path, parameters: Object.fromEntries(defaults) });
  }
});
