import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { readPayload, type KeptPayload } from '../../src/store/payload-form.js';
import { createHarness } from './harness.js';
import { fuzzedRequests, realPayloads } from './webhook-fuzz.js';
import { openForLooking } from './open-for-looking.js';

/** Once for each quarter of the cases, after everything that can be collected has been. */
export interface FuzzOutcome {
  readonly heapMb: readonly number[];
  readonly stored: Readonly<Record<string, number>>;
}

const FOUR_DAYS_MS = 4 * 86_400_000;

/**
 * Sends `cases` broken requests to the webhook address, then works off whatever was stored. Fails at the first answer
 * that is not one of those the address gives, at an unsigned body that was stored, and at anything left undone.
 */
export async function fuzzReceiving(cases: number, seed?: number): Promise<FuzzOutcome> {
  const harness = await createHarness();
  const { workspace, clock, app, logLines } = harness;
  const real = await realPayloads(workspace);
  await harness.backfill();
  const raw = openForLooking(harness.databasePath);
  const newest = raw.prepare<[], number | null>('select max(id) from inbox').pluck();
  const keptOf = raw.prepare<[number], KeptPayload>('select body, size from payloads where inbox_id = ?');
  const heapMb: number[] = [];
  let number = 0;

  const property = fc.asyncProperty(
    fuzzedRequests(real, workspace.settings.clientSecret),
    async ({ body, headers, isSigned }) => {
      const before = newest.get() ?? 0;
      const answer = await app.request('/webhooks/intercom', { method: 'POST', headers, body });
      expect(answer.status).toBeOneOf([200, 401, 413, 415]);
      const after = newest.get() ?? 0;
      if (!isSigned) expect(answer.status).not.toBe(200);
      if (answer.status !== 200) expect(after).toBe(before);
      if (after !== before) {
        const kept = keptOf.get(after) ?? { body: Buffer.alloc(0), size: 0 };
        expect(Buffer.compare(readPayload(kept), body)).toBe(0);
      }
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
      clock.advance(10);
      number += 1;
      if (number % Math.ceil(cases / 4) === 0) heapMb.push(usedMb());
    },
  );
  await fc.assert(property, { numRuns: cases, endOnFailure: true, ...(seed === undefined ? {} : { seed }) });

  await harness.settleWithRetries(FOUR_DAYS_MS);
  const stored = Object.fromEntries(
    raw.prepare<[], [string, number]>('select status, count(*) from inbox group by status').raw().all(),
  );
  expect(Object.keys(stored)).not.toContain('waiting');
  const reasons = (await harness.store.parked()).map(({ reason }) => reason);
  expect(reasons.filter((reason) => reason.startsWith('defect'))).toEqual([]);
  expect(logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  expect((await harness.get('/API/intercom/data-quality')).status).toBe(200);
  return { heapMb, stored };
}

setFlagsFromString('--expose-gc');

function usedMb(): number {
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1_000_000);
}
