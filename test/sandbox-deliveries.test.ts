import { describe, expect, it } from 'vitest';
import { at, createSandbox, dig } from './support/sandbox-ask.js';
import { createReceiver } from './support/sandbox-receiver.js';

const NOW = at('2026-10-30T12:00:00-04:00');

describe('deliveries that fail', () => {
  // Everything below runs without waiting: the repetition comes at once.
  const AT_ONCE = { redeliverAfterMs: 0 };

  it.each([500, 503, 400, 404])(
    '%i is repeated once with the same id, then the notification is lost',
    async (status) => {
      const { workspace, received } = createReceiver(AT_ONCE, [status, status, status]);
      workspace.addContact();
      await workspace.webhooks.drained();
      expect(
        received.map(({ body }) => [dig(body, ['delivery_attempts']), dig(body, ['delivery_status'])]),
      ).toEqual([
        [1, 'pending'],
        [2, 'retry'],
      ]);
      expect(new Set(received.map(({ body }) => dig(body, ['id']))).size).toBe(1);
      expect(workspace.webhooks.deliveries.map(({ outcome }) => outcome)).toEqual(['failed']);
    },
  );

  it('the repetition comes after a minute', async () => {
    const { workspace, received, clock } = createReceiver({}, [503]);
    workspace.addContact();
    await expect.poll(() => received.length).toBe(1);
    await expect.poll(() => workspace.webhooks.deliveries[0]?.attempts.length).toBe(1);
    clock.advance(59_999);
    expect(received).toHaveLength(1);
    clock.advance(1);
    await workspace.webhooks.drained();
    expect(workspace.webhooks.deliveries[0]?.attempts).toEqual([
      { atMs: NOW * 1000, result: 503 },
      { atMs: NOW * 1000 + 60_000, result: 200 },
    ]);
  });

  it('the repetition can have another id', async () => {
    const { workspace, received } = createReceiver({ ...AT_ONCE, redeliveryKeepsId: false }, [500]);
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(new Set(received.map(({ body }) => dig(body, ['id']))).size).toBe(2);
  });

  it('a receiver that takes longer than five seconds or breaks gets it again', async () => {
    const { workspace, clock } = createSandbox(AT_ONCE);
    const results = [() => new Promise<Response>(() => undefined), () => Promise.reject(new Error('broken'))];
    workspace.webhooks.deliverTo(() => results.shift()?.() ?? new Response());
    workspace.addContact();
    await expect.poll(() => results.length).toBe(1);
    clock.advance(5_000);
    await workspace.webhooks.drained();
    expect(workspace.webhooks.deliveries[0]?.attempts.map(({ result }) => result)).toEqual([
      'timeout',
      'unreachable',
    ]);
  });

  it('410 disables the subscription until somebody sets it live', async () => {
    const { workspace, received } = createReceiver(AT_ONCE, [410]);
    workspace.addContact();
    await workspace.webhooks.drained();
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(workspace.webhooks.health.stateAt(NOW * 1000)).toBe('disabled');
    expect(workspace.webhooks.deliveries.map(({ outcome }) => outcome)).toEqual(['failed', 'dropped']);
    workspace.webhooks.health.setLive();
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(received).toHaveLength(2);
  });

  it('429 slows the subscription down for a minute, then longer', async () => {
    const { workspace, received, clock } = createReceiver(AT_ONCE, [429, 429]);
    const { health } = workspace.webhooks;
    workspace.addContact();
    await expect.poll(() => health.stateAt(clock.nowMs())).toBe('throttled');
    expect(health.throttledUntilMs).toBe((NOW + 60) * 1000);
    clock.advance(60_000);
    await expect.poll(() => health.throttledUntilMs).toBe((NOW + 180) * 1000);
    clock.advance(120_000);
    await workspace.webhooks.drained();
    expect(received).toHaveLength(3);
    expect(workspace.webhooks.deliveries[0]?.outcome).toBe('delivered');
  });

  it('what waits longer than two hours is dropped', async () => {
    const { workspace, clock } = createReceiver({}, [429]);
    workspace.addContact();
    await expect.poll(() => workspace.webhooks.health.stateAt(clock.nowMs())).toBe('throttled');
    clock.advance(121 * 60_000);
    await workspace.webhooks.drained();
    expect(workspace.webhooks.deliveries[0]?.outcome).toBe('dropped');
  });

  it('after 1000 failures in a row nothing is sent for 15 minutes, after 7 days of them it is suspended', () => {
    const { workspace } = createSandbox();
    const { health } = workspace.webhooks;
    for (let failure = 0; failure < 1_001; failure += 1) health.noteFailure(failure);
    expect([
      health.stateAt(1_000),
      health.stateAt(1_000 + 14 * 60_000),
      health.stateAt(1_000 + 15 * 60_000),
    ]).toEqual(['paused', 'paused', 'live']);
    expect(health.stateAt(8 * 86_400_000)).toBe('suspended');
    health.noteSuccess();
    expect(health.stateAt(8 * 86_400_000)).toBe('live');
  });
});

describe('accidents on the way', () => {
  it('a notification is lost', async () => {
    const { workspace, topics } = createReceiver();
    workspace.deliveryFaults.next({ topic: 'contact.user.updated' }, { kind: 'lost' });
    const { id } = workspace.addContact();
    workspace.updateContact(id, { name: 'Lost' });
    workspace.updateContact(id, { name: 'Heard' });
    await workspace.webhooks.drained();
    expect(topics()).toEqual(['contact.user.created', 'contact.user.updated']);
    expect(workspace.webhooks.deliveries.map(({ outcome }) => outcome)).toEqual([
      'delivered',
      'lost',
      'delivered',
    ]);
    expect(workspace.deliveryFaults.happened).toBe(1);
  });

  it('the same bytes arrive three times', async () => {
    const { workspace, received } = createReceiver();
    workspace.deliveryFaults.next({}, { kind: 'repeated', times: 3 });
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ bytes }) => new TextDecoder().decode(bytes))).size).toBe(1);
  });

  it('one is overtaken by the next', async () => {
    const { workspace, received } = createReceiver();
    workspace.deliveryFaults.next({}, { kind: 'reordered' });
    const { id } = workspace.addContact({ name: 'First' });
    workspace.updateContact(id, { name: 'Second' });
    await workspace.webhooks.drained();
    expect(received.map(({ body }) => dig(body, ['data', 'item', 'name']))).toEqual(['Second', 'First']);
  });

  it('one that nothing overtakes arrives in the end', async () => {
    const { workspace, received } = createReceiver();
    workspace.deliveryFaults.next({}, { kind: 'reordered' });
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(received).toHaveLength(1);
  });

  it('one is delayed', async () => {
    const { workspace, received, clock } = createReceiver();
    workspace.deliveryFaults.next({}, { kind: 'delayed', delayMs: 30_000 });
    workspace.addContact({ name: 'Late' });
    workspace.addContact({ name: 'Early' });
    await expect.poll(() => received.length).toBe(1);
    clock.advance(30_000);
    await workspace.webhooks.drained();
    expect(received.map(({ body }) => dig(body, ['data', 'item', 'name']))).toEqual(['Early', 'Late']);
  });
});

describe('bursts', () => {
  it('at most 20 are under way at once, and all arrive', async () => {
    const { workspace } = createSandbox();
    const waiting: (() => void)[] = [];
    let most = 0;
    let arrived = 0;
    workspace.webhooks.deliverTo(async () => {
      arrived += 1;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
      });
      return new Response();
    });
    for (let number = 0; number < 50; number += 1) workspace.addContact();
    for (const soFar of [20, 40, 50]) {
      await expect.poll(() => arrived).toBe(soFar);
      for (const finish of waiting.splice(0)) finish();
    }
    await workspace.webhooks.drained();
    expect([most, arrived]).toEqual([20, 50]);
  });
});
