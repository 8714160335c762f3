import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { createReportHarness } from './support/report-workspace.js';

const AUTHORIZATION = { authorization: `Bearer ${API_TOKEN}` };

const operationSchema = z.looseObject({
  operationId: z.string(),
  security: z.array(z.unknown()).optional(),
  parameters: z.array(z.looseObject({ name: z.string(), schema: z.looseObject({}) })).optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.looseObject({}) })).optional() }),
  ),
});
const documentSchema = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
});

async function readDocument(harness: Harness): Promise<z.output<typeof documentSchema>> {
  const answer = await harness.get('/openapi.json');
  expect(answer.status).toBe(200);
  return documentSchema.parse(await answer.json());
}

test('the description is valid OpenAPI 3.1', async () => {
  const document = await readDocument(await createHarness());
  expect(document.openapi).toBe('3.1.0');
  expect(await new Validator().validate(document)).toEqual({ valid: true });
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  expect(ids).toEqual([...new Set(ids)]);
});

test('the description has every address for machines, and no other', async () => {
  const harness = await createHarness();
  const { paths } = await readDocument(harness);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const isPage = /^\/(?:$|intercom|sign-|assets|docs\/)/;
  const served = harness.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.includes('*') && !isPage.test(path))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(new Set(described)).toEqual(new Set(served));
});

test('real answers are as described', async () => {
  const harness = await createReportHarness();
  const { paths } = await readDocument(harness);
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [path, { get }] of Object.entries(paths)) {
    const schema = get?.responses['200']?.content?.['application/json']?.schema;
    if (schema === undefined) continue;
    const id = path.includes('/runs/') ? ((await harness.store.latestRun('backfill'))?.id ?? '') : 'M-1';
    const answer = await harness.get(
      `${path.replace('{id}', id)}${path.includes('report') ? '?format=json' : ''}`,
    );
    ajv.validate(schema, await answer.json());
    expect({ path, errors: ajv.errors }).toEqual({ path, errors: null });
  }
});

test('fields say what they may be', async () => {
  const { paths } = await readDocument(await createHarness());
  const parameters = paths['/API/intercom/caseload']?.['get']?.parameters ?? [];
  expect(parameters.find(({ name }) => name === 'lookbackDays')).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 365, default: 365 },
  });
  expect(parameters.find(({ name }) => name === 'channel')).toMatchObject({
    schema: { type: 'array', items: { enum: ['Phone', 'Video Conference', 'Email', 'Chat'] } },
  });
  const engagement = paths['/API/intercom/report/engagement'];
  expect(engagement?.['get']?.parameters?.map(({ name }) => name)).not.toContain('outputPath');
  expect(engagement?.['post']).toHaveProperty(
    'requestBody.content.application/json.schema.properties.outputPath.type',
    'string',
  );
});

test('the page shows every address, with nothing from elsewhere and no script', async () => {
  const harness = await createHarness();
  const answer = await harness.get('/docs');
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'");
  const page = await answer.text();
  expect(page.startsWith('<!doctype html><html lang="en">')).toBe(true);
  for (const path of Object.keys((await readDocument(harness)).paths)) expect(page).toContain(path);
  expect(page).not.toMatch(/<script|style="|https?:\/\/(?!json-schema)/);
  const style = await harness.get('/docs/style.css');
  expect(style.headers.get('content-type')).toContain('text/css');
});

test.each(['/openapi.json', '/docs', '/docs/style.css'])('%s needs a token', async (path) => {
  const { app } = await createHarness();
  expect((await app.request(path)).status).toBe(401);
  expect((await app.request(path, { headers: AUTHORIZATION })).status).toBe(200);
});
