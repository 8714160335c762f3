import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/clock.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';
import { startChild } from './child.js';
import { median, percentile } from './load.js';

const CLOSES_PER_SECOND = 50;
/** Before the measured ones, to warm both up. */
const WARM_UP_CLOSES = 100;

/** Milliseconds, sorted. */
interface Journey {
  /** From the moment at which the workspace closes the call to the arrival of the PUT there. */
  readonly closeToWriteMs: readonly number[];
  readonly webhookMs: readonly number[];
  readonly unwritten: number;
}

/** Starts what receives the webhooks. */
type Start = (
  workspace: Workspace,
  apiBase: string,
  database: string,
) => Promise<{ readonly url: string; stop(): Promise<void> }>;

/**
 * Close → attribute written, at 50 closed calls a second: the built service against a straight line that verifies,
 * inserts and sends the same PUT. Both run as a process of their own, in turns, against a workspace that answers at
 * once and echoes every write as a contact webhook. Every call is of another member, who has had calls before.
 */
export async function benchJourney(isShort: boolean): Promise<void> {
  const rounds = isShort ? 1 : 3;
  const seconds = isShort ? 5 : 15;
  console.log(
    `journey: ${rounds} rounds of ${seconds} s at ${CLOSES_PER_SECOND} closed calls a second, each on disk when answered`,
  );
  await compare(rounds, seconds, false);
  console.log('  beside a program that writes and forces 1 MB after the other to the same disk:');
  await compare(rounds, seconds, true);
}

async function compare(rounds: number, seconds: number, hasDiskLoad: boolean): Promise<void> {
  const bare: Journey[] = [];
  const ours: Journey[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await measure(startStraightLine, seconds, hasDiskLoad));
    ours.push(await measure(startOurs, seconds, hasDiskLoad));
  }
  const line = (what: string, of: (journey: Journey) => readonly number[], targets: string): void => {
    const value = (journeys: readonly Journey[], share: number): number =>
      median(journeys.map((journey) => percentile(of(journey), share)));
    for (const [name, journeys] of [
      ['straight line', bare],
      ['intercom-engagement', ours],
    ] as const) {
      console.log(
        `  ${what.padEnd(24)} ${name.padEnd(20)} p50 ${value(journeys, 0.5).toFixed(1)} ms   p99 ${value(journeys, 0.99).toFixed(1)} ms`,
      );
    }
    const ratio = (share: number): string => (value(ours, share) / value(bare, share)).toFixed(2);
    console.log(
      `  ${what.padEnd(24)} ours / straight line: p50 ${ratio(0.5)}   p99 ${ratio(0.99)}   (${targets})`,
    );
  };
  line('close → written', (journey) => journey.closeToWriteMs, 'target: p50 at most 3');
  line('webhook answered', (journey) => journey.webhookMs, 'target: p99 at most 2');
  const unwritten = [...bare, ...ours].reduce((sum, journey) => sum + journey.unwritten, 0);
  if (unwritten > 0) throw new Error(`${unwritten} closed calls were not written within 30 s`);
}

async function measure(start: Start, seconds: number, hasDiskLoad: boolean): Promise<Journey> {
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  // Fractions of a millisecond, which the system clock hasn't.
  const clock: Clock = { ...systemClock, nowMs: () => performance.timeOrigin + performance.now() };
  const workspace = createWorkspace({ clock, rateLimit: { perWindow: 1_000_000, windowMs: 10_000 } });
  const intercom = await startSandboxServer(workspace);
  const calls = Array.from({ length: seconds * CLOSES_PER_SECOND + WARM_UP_CLOSES }, () =>
    openCall(workspace),
  );
  const receiver = await start(workspace, intercom.url, join(directory, 'bench.db'));
  const diskLoad = hasDiskLoad
    ? await startChild('test/bench/disk-load.ts', [join(directory, 'load')])
    : null;
  const webhookMs: number[] = [];
  workspace.webhooks.deliverTo(async (request) => {
    const body = await request.arrayBuffer();
    const sentAtMs = clock.nowMs();
    const answer = await fetch(`${receiver.url}/webhooks/intercom`, {
      method: 'POST',
      headers: request.headers,
      body,
    });
    await answer.arrayBuffer();
    webhookMs.push(clock.nowMs() - sentAtMs);
    return new Response(null, { status: answer.status });
  });
  try {
    const closedAtMs = new Map<string, number>();
    const beganAtMs = clock.nowMs();
    for (const [index, call] of calls.entries()) {
      await clock.sleep(beganAtMs + (index * 1000) / CLOSES_PER_SECOND - clock.nowMs());
      if (index === WARM_UP_CLOSES) webhookMs.length = 0;
      if (index >= WARM_UP_CLOSES) closedAtMs.set(call.contactId, clock.nowMs());
      workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
    }
    const written = await writtenAtMs(workspace, closedAtMs, clock);
    const closeToWriteMs = [...closedAtMs].flatMap(([contactId, atMs]) => {
      const doneAtMs = written.get(contactId);
      return doneAtMs === undefined ? [] : [doneAtMs - atMs];
    });
    return {
      closeToWriteMs: sorted(closeToWriteMs),
      webhookMs: sorted(webhookMs),
      unwritten: closedAtMs.size - closeToWriteMs.length,
    };
  } finally {
    workspace.webhooks.stop();
    await diskLoad?.stop();
    await receiver.stop();
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A member whose next call moves Last Coaching Session and Last Call, and nothing else. */
function openCall(workspace: Workspace): { readonly id: string; readonly contactId: string } {
  const before = Math.floor(systemClock.nowMs() / 1000) - 7 * 86_400;
  const contactId = workspace.addContact({
    customAttributes: {
      'Enrolled Date': before - 60 * 86_400,
      'First Session Date': before,
      'Last Coaching Session': before,
      'Last Call': before,
      'Engagement Status': 'Engaged',
    },
  }).id;
  const earlier = workspace.addConversation({ contactIds: [contactId], createdAt: before - 600 });
  workspace.closeConversation(earlier.id, {
    at: before,
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  return { id: workspace.addConversation({ contactIds: [contactId] }).id, contactId };
}

/** When the first update of each contact arrived; waits for those that are still to come. */
async function writtenAtMs(
  workspace: Workspace,
  closed: ReadonlyMap<string, number>,
  clock: Clock,
): Promise<ReadonlyMap<string, number>> {
  const written = new Map<string, number>();
  for (let tries = 0; tries < 300; tries += 1) {
    for (const { path, atMs } of workspace.calls.matching({ method: 'PUT' })) {
      const contactId = path.slice('/contacts/'.length);
      if (closed.has(contactId) && !written.has(contactId)) written.set(contactId, atMs);
    }
    if (written.size === closed.size) break;
    await clock.sleep(100);
  }
  return written;
}

const startStraightLine: Start = (workspace, apiBase, database) =>
  startChild('test/bench/bare-handler.ts', [
    database,
    workspace.settings.clientSecret,
    apiBase,
    workspace.settings.token,
  ]);

const startOurs: Start = async (workspace, apiBase, databasePath) => {
  const port = await freePort();
  const service = await startService(serviceSettings(workspace, { apiBase, databasePath, port }));
  // Every attribute is right already, so the first backfill writes nothing.
  while (!(await hasFilledCache(service.url))) await systemClock.sleep(50);
  return {
    url: service.url,
    stop: async () => {
      service.process.kill('SIGTERM');
      await service.ended;
    },
  };
};

async function hasFilledCache(url: string): Promise<boolean> {
  const readiness = await (await fetch(`${url}/readyz`)).text();
  return readiness.includes('"backfill":"done"');
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((one, other) => one - other);
}
