import { describe, expect, it } from 'vitest';
import { createBreaker, type Breaker, type OutageEvent, type Pass } from '../src/intercom/breaker.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';

const GET = 'GET /contacts/{id}';
const PUT = 'PUT /contacts/{id}';

interface World {
  readonly clock: MovedClock;
  readonly breaker: Breaker;
  readonly events: OutageEvent[];
}

function createWorld(): World {
  const clock = createMovedClock('2026-10-15T15:00:00Z');
  const events: OutageEvent[] = [];
  return { clock, events, breaker: createBreaker({ clock, onEvent: (event) => events.push(event) }) };
}

function call({ breaker }: World, path: string, label = GET): Pass {
  return breaker.enter({ label, path });
}

function fail(world: World, times: number, label = GET, path?: string): void {
  for (let number = 0; number < times; number += 1) call(world, path ?? `/${number}`, label).fail('down');
}

/** Lets time pass until the next probe. */
function waitForProbe({ clock, breaker }: World): number {
  const waitMs = (breaker.nextProbeAtMs() ?? 0) - clock.nowMs();
  clock.advance(waitMs);
  return waitMs;
}

describe('the breaker', () => {
  it('lets nothing out but one probe at a time once many calls in a row have failed', () => {
    const world = createWorld();
    fail(world, 9);
    expect(world.breaker.room(32, [GET])).toBe(32);
    fail(world, 1);
    expect(world.breaker.room(32, [GET])).toBe(0);
    expect(() => call(world, '/1')).toThrow(
      expect.objectContaining({ code: 'intercom_waiting', retry: 'later' }),
    );
    expect(() => call(world, '/1', PUT), 'another address').toThrow(/not asked/);
    waitForProbe(world);
    expect(world.breaker.isProbeDue()).toBe(true);
    const probe = call(world, '/me', 'GET /me');
    expect(probe.isProbe).toBe(true);
    expect(world.breaker.isProbeDue()).toBe(false);
    expect(() => call(world, '/1')).toThrow(/not asked/);
    probe.succeed();
    expect(world.breaker.nextProbeAtMs()).toBeNull();
    expect(world.breaker.room(32, [PUT])).toBe(32);
    // It had failed for everybody: one call of its own shows whether it is in order too.
    expect(world.breaker.room(32, [GET])).toBe(1);
    call(world, '/1').succeed();
    expect(world.breaker.room(32, [GET, PUT])).toBe(32);
  });

  it('asks at intervals that grow, and never longer than four seconds', () => {
    const world = createWorld();
    fail(world, 10);
    const waits = Array.from({ length: 30 }, () => {
      const waitMs = waitForProbe(world);
      call(world, '/me', 'GET /me').fail('down');
      return waitMs;
    });
    expect(waits[0]).toBeLessThanOrEqual(1000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(4000);
    expect(Math.min(...waits.slice(5))).toBeGreaterThanOrEqual(2000);
    expect(new Set(waits.slice(5)).size, 'not all at the same time').toBeGreaterThan(5);
  });

  it('wakes all who wait at the first success, whichever call that was', () => {
    const world = createWorld();
    const woken: string[] = [];
    world.breaker.onClear(() => woken.push('one'));
    const stop = world.breaker.onClear(() => woken.push('two'));
    stop();
    const before = call(world, '/old');
    fail(world, 10);
    before.succeed();
    expect(woken).toEqual(['one']);
    expect(world.breaker.room(5, [GET])).toBe(5);
  });

  it('does not open while calls are answered between those that fail', () => {
    const world = createWorld();
    for (let round = 0; round < 50; round += 1) {
      fail(world, 9);
      call(world, '/good').succeed();
    }
    expect(world.breaker.room(1, [GET])).toBe(1);
  });

  it('is not opened again by calls that were sent before it closed', () => {
    const world = createWorld();
    const old = Array.from({ length: 32 }, (_, number) => call(world, `/slow/${number}`));
    fail(world, 10);
    waitForProbe(world);
    call(world, '/me', 'GET /me').succeed();
    for (const pass of old) pass.fail('no answer in time');
    expect(world.breaker.room(1, [GET])).toBe(1);
  });

  it('holds back one address that fails for everybody, and lets its own calls ask', () => {
    const world = createWorld();
    for (let number = 0; number < 10; number += 1) {
      call(world, `/${number}`).succeed();
      call(world, `/${number}`, PUT).fail('read-only');
    }
    expect(world.breaker.room(32, [PUT])).toBe(0);
    expect(world.breaker.room(32, [GET])).toBe(32);
    expect(world.breaker.nextProbeAtMs()).toBeNull();
    expect(() => call(world, '/3', PUT)).toThrow(expect.objectContaining({ code: 'intercom_waiting' }));
    world.clock.advance(5000);
    expect(world.breaker.room(32, [PUT])).toBe(1);
    expect(world.breaker.room(32, [PUT]), 'one is enough').toBe(0);
    world.clock.advance(5000);
    expect(world.breaker.room(32, [PUT]), 'unless nothing came of it').toBe(1);
    call(world, '/3', PUT).succeed();
    expect(world.breaker.room(32, [PUT])).toBe(32);
  });

  it('is not opened for others by one object, however often it fails', () => {
    const world = createWorld();
    for (let number = 0; number < 50; number += 1) {
      fail(world, 1, PUT, '/bad');
      call(world, '/good', GET).succeed();
    }
    expect(world.breaker.room(32, [PUT])).toBe(32);
  });

  it('is not held up by a clock that goes back', () => {
    const world = createWorld();
    fail(world, 10);
    world.clock.advance(-86_400_000);
    expect(world.breaker.isProbeDue()).toBe(true);
  });

  it('asks again after a probe that came to nothing', () => {
    const world = createWorld();
    fail(world, 10);
    waitForProbe(world);
    call(world, '/me', 'GET /me').abandon();
    expect(world.breaker.isProbeDue()).toBe(true);
  });
});

describe('what is said of an outage', () => {
  it('one line when it begins, at most one a minute, one when it ends', () => {
    const world = createWorld();
    fail(world, 10);
    expect(world.breaker.outage(), 'until a probe has failed it may be chance').toBeNull();
    const sinceMs = world.clock.nowMs();
    for (let number = 0; number < 60; number += 1) {
      waitForProbe(world);
      call(world, '/me', 'GET /me').fail('intercom_unavailable: 503');
    }
    const lastedMs = world.clock.nowMs() - sinceMs;
    expect(world.breaker.outage()).toEqual({
      what: 'Intercom',
      sinceMs,
      reason: 'intercom_unavailable: 503',
    });
    waitForProbe(world);
    call(world, '/me', 'GET /me').succeed();
    const kinds = world.events.filter((event) => event.kind !== 'unsteady').map((event) => event.kind);
    expect(kinds[0]).toBe('began');
    expect(kinds.at(-1)).toBe('ended');
    expect(kinds.length).toBeLessThanOrEqual(lastedMs / 60_000 + 2);
    expect(kinds.filter((kind) => kind === 'began')).toHaveLength(1);
    expect(world.breaker.outage()).toBeNull();
  });

  it('that some calls fail, once a minute', () => {
    const world = createWorld();
    for (let second = 0; second < 180; second += 1) {
      fail(world, 1, GET, `/${second}`);
      call(world, '/good').succeed();
      world.clock.advance(1000);
    }
    expect(world.events.length).toBeGreaterThan(1);
    expect(world.events.length).toBeLessThanOrEqual(4);
    expect(new Set(world.events.map((event) => event.kind))).toEqual(new Set(['unsteady']));
  });

  it('an address that nobody asks for any more is forgotten', () => {
    const world = createWorld();
    for (let number = 0; number < 10; number += 1) {
      call(world, `/${number}`).succeed();
      call(world, `/${number}`, PUT).fail('read-only');
    }
    world.clock.advance(5000);
    call(world, '/1', PUT).fail('read-only');
    expect(world.breaker.outage()?.what).toBe(PUT);
    world.clock.advance(120_000);
    expect(world.breaker.outage()).toBeNull();
  });
});

describe('whose fault a failure is', () => {
  it('nobody can tell of the first one', () => {
    expect(call(createWorld(), '/bad').fail('503')).toBe('unclear');
  });

  it('the object’s, when others were answered after it had failed', () => {
    const world = createWorld();
    fail(world, 1, GET, '/bad');
    for (let number = 0; number < 15; number += 1) call(world, `/${number}`).succeed();
    expect(call(world, '/bad').fail('503')).toBeNull();
    world.clock.advance(86_400_000);
    for (let number = 0; number < 40; number += 1) {
      call(world, '/good', PUT).succeed();
      expect(call(world, '/bad').fail('503')).toBeNull();
    }
  });

  it('not the object’s, when a tenth of the others fail too', () => {
    const world = createWorld();
    fail(world, 1, GET, '/one');
    for (let number = 0; number < 9; number += 1) call(world, `/${number}`).succeed();
    fail(world, 1, GET, '/other');
    expect(call(world, '/one').fail('503')).toBe('outage');
  });

  it('not the object’s, when nothing at all was answered since', () => {
    const world = createWorld();
    fail(world, 1, GET, '/one');
    expect(call(world, '/one').fail('503')).toBe('outage');
  });

  it('unclear, when only calls of another kind were answered since', () => {
    const world = createWorld();
    fail(world, 1, PUT, '/one');
    call(world, '/one', GET).succeed();
    expect(call(world, '/one', PUT).fail('503')).toBe('unclear');
  });

  it('remembers a thousand of those that failed, not more', () => {
    const world = createWorld();
    for (let number = 0; number < 5000; number += 1) {
      call(world, `/${number}`, PUT).fail('503');
      for (let other = 0; other < 20; other += 1) call(world, `/good/${other}`, PUT).succeed();
    }
    expect(call(world, '/4999', PUT).fail('503'), 'known').toBeNull();
    expect(call(world, '/0', PUT).fail('503'), 'forgotten').toBe('unclear');
  });
});
