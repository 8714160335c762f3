import { setupServer } from 'msw/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { CallFault } from '../src/sandbox/faults.js';
import { startSandboxServer, type SandboxServer } from '../src/sandbox/serve-sandbox.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { createMovedClock } from './support/moved-clock.js';
import { at, createSandbox } from './support/sandbox-ask.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace } from './support/test-workspace.js';

const NOW = at('2026-10-30T12:00:00-04:00');

describe('the rate limit', () => {
  const rateOf = (headers: Headers) =>
    ['Limit', 'Remaining', 'Reset'].map((name) => headers.get(`X-RateLimit-${name}`));

  it('counts each window of ten seconds exactly and says so in every answer', async () => {
    const { ask, workspace, clock } = createSandbox({ rateLimit: { perWindow: 2, windowMs: 10_000 } });
    const answers = [];
    for (let call = 0; call < 4; call += 1) answers.push(await ask('GET', '/me'));
    expect(answers.map((answer) => [answer.status, ...rateOf(answer.headers)])).toEqual([
      [200, '2', '1', String(NOW + 10)],
      [200, '2', '0', String(NOW + 10)],
      [429, '2', '0', String(NOW + 10)],
      [429, '2', '0', String(NOW + 10)],
    ]);
    expect(answers[3]?.at('errors', 0, 'code')).toBe('rate_limit_exceeded');
    expect([workspace.windows.maxCalls, workspace.windows.refused]).toEqual([4, 2]);
    clock.advance(9_999);
    expect((await ask('GET', '/me')).status).toBe(429);
    clock.advance(1);
    const next = await ask('GET', '/contacts/nobody');
    expect([next.status, ...rateOf(next.headers)]).toEqual([404, '2', '1', String(NOW + 20)]);
  });

  it('a call with a wrong token counts nothing and learns nothing', async () => {
    const { ask, workspace } = createSandbox();
    const answer = await ask('GET', '/me', undefined, { Authorization: 'Bearer wrong' });
    expect([answer.status, ...rateOf(answer.headers)]).toEqual([401, null, null, null]);
    expect(workspace.windows.maxCalls).toBe(0);
  });

  it('a refused update changes nothing', async () => {
    const { ask, workspace } = createSandbox({ rateLimit: { perWindow: 1, windowMs: 10_000 } });
    const { id } = workspace.addContact();
    await ask('GET', '/me');
    expect((await ask('PUT', `/contacts/${id}`, { name: 'New' })).status).toBe(429);
    expect([workspace.contact(id).name, workspace.calls.writes]).toEqual([null, 0]);
  });
});

describe('calls that go wrong', () => {
  it.each([
    [{ kind: 'status', status: 429 }, 429, 'rate_limit_exceeded'],
    [{ kind: 'status', status: 500 }, 500, 'server_error'],
    [{ kind: 'status', status: 503 }, 503, 'service_unavailable'],
    [{ kind: 'gateway', status: 502 }, 502, undefined],
    [{ kind: 'gateway', status: 413 }, 413, undefined],
    [{ kind: 'answer', status: 400, body: { error: 'no' } }, 400, undefined],
  ] as const)('%j takes no effect', async (fault, status, code) => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addContact();
    workspace.faults.next({ method: 'PUT', path: /^\/contacts\// }, fault);
    expect((await ask('GET', `/contacts/${id}`)).status).toBe(200);
    const failed = await ask('PUT', `/contacts/${id}`, { name: 'New' });
    expect([failed.status, failed.at('errors', 0, 'code')]).toEqual([status, code]);
    expect(failed.headers.get('X-RateLimit-Remaining')).toBe(status === 429 ? '0' : '1664');
    expect(workspace.contact(id).name).toBeNull();
    expect((await ask('PUT', `/contacts/${id}`, { name: 'New' })).status).toBe(200);
    expect(workspace.contact(id).name).toBe('New');
    expect([workspace.faults.happened, workspace.calls.writes]).toEqual([1, 1]);
  });

  it('a script is followed call by call, gaps included', async () => {
    const { ask, workspace } = createSandbox();
    const down: CallFault = { kind: 'status', status: 503 };
    workspace.faults.next({ path: '/me' }, down, null, down);
    const statuses = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await ask('GET', '/me')).status);
    expect(statuses).toEqual([503, 200, 503, 200]);
  });

  it('by chance, and the same ones for the same seed', async () => {
    const run = async (seed: number) => {
      const { ask, workspace } = createSandbox({ seed });
      workspace.faults.sometimes({}, 0.3, { kind: 'status', status: 500 });
      const statuses = [];
      for (let call = 0; call < 100; call += 1) statuses.push((await ask('GET', '/me')).status);
      return statuses;
    };
    const first = await run(7);
    expect(first.filter((status) => status === 500).length).toBeGreaterThan(15);
    expect(first.filter((status) => status === 500).length).toBeLessThan(45);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });

  it('always, until the plan is cleared', async () => {
    const { ask, workspace } = createSandbox();
    workspace.faults.always({ path: '/me' }, { kind: 'status', status: 500 });
    expect([(await ask('GET', '/me')).status, (await ask('GET', '/me')).status]).toEqual([500, 500]);
    workspace.faults.clear();
    expect((await ask('GET', '/me')).status).toBe(200);
  });

  it('a slow one has taken effect long before it is answered', async () => {
    const { ask, workspace, clock } = createSandbox();
    const { id } = workspace.addContact();
    workspace.faults.next({}, { kind: 'slow', delayMs: 60_000 });
    let isAnswered = false;
    const answer = ask('PUT', `/contacts/${id}`, { name: 'New' }).finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => workspace.contact(id).name).toBe('New');
    clock.advance(59_999);
    expect(isAnswered).toBe(false);
    clock.advance(1);
    expect((await answer).status).toBe(200);
  });

  it('each answer takes as long as the workspace is set to', async () => {
    const clock = createMovedClock('2026-10-30T12:00:00-04:00');
    const slept: number[] = [];
    const sleep = async (delayMs: number): Promise<void> => {
      slept.push(delayMs);
    };
    const { ask } = createSandbox({ latencyMs: 100, clock: { ...clock, sleep } });
    expect((await ask('GET', '/me')).status).toBe(200);
    expect(slept).toEqual([100]);
  });

  it('every call is logged with what was sent and answered', async () => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addContact();
    await ask('PUT', `/contacts/${id}`, { name: 'New' }, { 'Intercom-Version': '2.12' });
    await ask('GET', '/contacts/nobody?x=1');
    expect(workspace.calls.entries).toEqual([
      {
        method: 'PUT',
        path: `/contacts/${id}`,
        status: 200,
        atMs: NOW * 1000,
        version: '2.12',
        body: { name: 'New' },
        fault: null,
      },
      {
        method: 'GET',
        path: '/contacts/nobody?x=1',
        status: 404,
        atMs: NOW * 1000,
        version: null,
        body: null,
        fault: null,
      },
    ]);
    expect(workspace.calls.matching({ path: '/contacts/nobody' })).toHaveLength(1);
    expect(workspace.calls.matching({ method: 'GET', path: /^\/contacts/ })).toHaveLength(1);
    workspace.calls.clear();
    expect([workspace.calls.total, workspace.calls.writes]).toEqual([0, 0]);
  });

  it('the log keeps its tail, its counters stay exact', async () => {
    const { ask, workspace } = createSandbox({ logLength: 5 });
    for (let call = 0; call < 23; call += 1) await ask('GET', '/me');
    expect(workspace.calls.total).toBe(23);
    expect(workspace.calls.entries.length).toBeLessThanOrEqual(10);
    expect(workspace.calls.entries.length).toBeGreaterThanOrEqual(5);
  });
});

describe.each(['a server on a port', 'msw without a port'])(
  'connections that break, through %s',
  (carrier) => {
    const closers: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0)) await close();
    });

    const carry = async (workspace: Workspace): Promise<string> => {
      if (carrier === 'a server on a port') {
        const server: SandboxServer = await startSandboxServer(workspace);
        closers.push(() => server.close());
        return server.url;
      }
      const server = setupServer(...handlersFor(workspace, 'https://api.intercom.test'));
      server.listen({ onUnhandledRequest: 'error' });
      closers.push(async () => server.close());
      return 'https://api.intercom.test';
    };
    const put = (url: string, workspace: Workspace, id: string) =>
      fetch(`${url}/contacts/${id}`, {
        method: 'PUT',
        headers: { Authorization: `Bearer ${workspace.settings.token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'New' }),
      });

    it('before the call takes effect', async () => {
      const workspace = createTestWorkspace();
      const { id } = workspace.addContact();
      const url = await carry(workspace);
      workspace.faults.next({ method: 'PUT' }, { kind: 'reset' });
      await expect(put(url, workspace, id)).rejects.toThrow('fetch');
      expect([workspace.contact(id).name, workspace.calls.writes]).toEqual([null, 0]);
      expect((await put(url, workspace, id)).status).toBe(200);
    });

    it('after it took effect', async () => {
      const workspace = createTestWorkspace();
      const { id } = workspace.addContact();
      const url = await carry(workspace);
      workspace.faults.next({ method: 'PUT' }, { kind: 'answer-lost' });
      await expect(put(url, workspace, id)).rejects.toThrow('fetch');
      expect([workspace.contact(id).name, workspace.calls.writes]).toEqual(['New', 1]);
    });

    it('answers arrive as from the app itself', async () => {
      const { ask, workspace } = createSandbox();
      const { id } = workspace.addContact({ name: 'Ada' });
      const url = await carry(workspace);
      const answer = await fetch(`${url}/contacts/${id}`, {
        headers: { Authorization: 'Bearer sandbox-token' },
      });
      expect(await answer.json()).toEqual((await ask('GET', `/contacts/${id}`)).body);
      expect(answer.headers.get('X-RateLimit-Limit')).toBe('1666');
      expect(answer.headers.get('Date')).toBe('Fri, 30 Oct 2026 16:00:00 GMT');
    });
  },
);

it('notifications reach a receiver at an address', async () => {
  const receiver = createTestWorkspace();
  const server = await startSandboxServer(receiver);
  const { workspace } = createSandbox({ redeliverAfterMs: 0 });
  workspace.webhooks.deliverTo(`${server.url}/webhooks/intercom`);
  workspace.addContact();
  await workspace.webhooks.drained();
  await server.close();
  expect(receiver.calls.entries[0]).toMatchObject({
    method: 'POST',
    path: '/webhooks/intercom',
    body: { topic: 'contact.user.created' },
  });
  expect(workspace.webhooks.deliveries[0]?.attempts.map(({ result }) => result)).toEqual([401, 401]);
  workspace.addContact();
  await workspace.webhooks.drained();
  expect(workspace.webhooks.deliveries[1]?.attempts.map(({ result }) => result)).toEqual([
    'unreachable',
    'unreachable',
  ]);
});
