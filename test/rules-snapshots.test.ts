import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgeSnapshot,
  sameContact,
  sameConversation,
  type IncomingSnapshot,
} from '../src/rules/snapshots.js';
import { call, contact } from './support/rules-facts.js';

const HOUR = 3600;

const event = (updatedAt: number, seenAtMs = 5000) => ({
  updatedAt,
  seenAtMs,
  wasRead: false,
  wasWritten: false,
});
const read = (updatedAt: number, seenAtMs: number) => ({
  updatedAt,
  seenAtMs,
  wasRead: true,
  wasWritten: false,
});
const answer = (updatedAt: number, seenAtMs: number) => ({ ...read(updatedAt, seenAtMs), wasWritten: true });

describe('a snapshot', () => {
  it.each([
    ['is taken when nothing is cached', null, event(5), false, 'take'],
    ['is taken when it is newer', read(4, 9000), event(5), false, 'take'],
    ['is dropped when it is older', event(5), read(4, 9000), false, 'keep'],
    ['says nothing new', event(5), event(5), true, 'same'],
    ['says nothing new, by a read', event(5), read(5, 9000), true, 'same'],
    ['asks for a read when an event differs within one second', event(5), event(5), false, 'read-again'],
    ['asks for a read even against a read', read(5, 9000), event(5, 9500), false, 'read-again'],
    ['is taken when it was read after the event was seen', event(5, 5000), read(5, 5001), false, 'take'],
    ['is taken when it was read as the event was seen', event(5, 5000), read(5, 5000), false, 'take'],
    [
      'asks again when it was read before the event was seen',
      event(5, 5000),
      read(5, 4999),
      false,
      'read-again',
    ],
    ['is taken when it was read later', read(5, 8000), read(5, 9000), false, 'take'],
    ['is taken when it was read at the same moment', read(5, 9000), read(5, 9000), false, 'take'],
    ['is dropped when it was read earlier', read(5, 9000), read(5, 8000), false, 'keep'],
    ['asks for a read when it claims to be of the future', event(4), event(HOUR), false, 'read-again'],
    ['asks for a read so even when nothing is cached', null, event(HOUR), false, 'read-again'],
    ['of the future says nothing new a second time', event(HOUR), event(HOUR), true, 'same'],
    ['is taken when it was read, whatever it claims', event(4), read(HOUR, 9000), false, 'take'],
    ['asks for a read against one of the future', event(HOUR), event(9, 9000), false, 'read-again'],
    ['is taken when it was read after one of the future', event(HOUR), read(9, 9000), false, 'take'],
    ['is dropped when it was read before another of the future', read(HOUR, 9), read(5, 8), false, 'keep'],
    ['is compared by its time while clocks may differ', event(HOUR / 4), event(9, 9000), false, 'keep'],
    ['is taken when it answers a write, whatever its time', event(5), answer(4, 5000), false, 'take'],
    ['is dropped when it answers a write from before', event(5), answer(4, 4999), false, 'keep'],
  ] as const)('%s', (_what, cached, incoming, same, verdict) => {
    expect(judgeSnapshot(cached, incoming, same)).toBe(verdict);
  });
});

describe('snapshots in any order and any number', () => {
  interface Snapshot extends IncomingSnapshot {
    readonly content: number;
  }

  interface Change {
    readonly atMs: number;
    readonly content: number;
  }

  /** An object's life: several changes share a second, and contents may come back. */
  const life = fc
    .array(
      fc.record({ content: fc.integer({ min: 0, max: 2 }), gapMs: fc.integer({ min: 100, max: 900 }) }),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    .map((steps) => {
      let atMs = 100_000;
      return steps.map(({ content, gapMs }): Change => ({ content, atMs: (atMs += gapMs) }));
    });

  const versionAt = (changes: readonly Change[], atMs: number) => {
    const last = changes.findLast((change) => change.atMs <= atMs);
    return last === undefined ? null : { content: last.content, updatedAt: Math.floor(last.atMs / 1000) };
  };

  /** How long each event is under way (some come twice), and reads: when sent, and how long their answer takes. */
  const traffic = fc.record({
    delaysMs: fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.nat({ max: 4000 })), {
      minLength: 8,
      maxLength: 8,
    }),
    /** Events that claim to be of the future. */
    aheadSeconds: fc.array(fc.constantFrom(0, 0, 0, HOUR, 1000 * HOUR), { minLength: 8, maxLength: 8 }),
    reads: fc.array(fc.tuple(fc.integer({ min: 100_000, max: 107_000 }), fc.nat({ max: 3000 })), {
      maxLength: 6,
    }),
  });

  it('leave the same: what Intercom holds', () => {
    fc.assert(
      fc.property(life, traffic, (changes, { delaysMs, aheadSeconds, reads }) => {
        const arrivals = [
          ...changes.flatMap(({ atMs, content }, index) =>
            (delaysMs[index] ?? []).map((delayMs) => ({
              atMs: atMs + delayMs,
              snapshot: {
                content,
                updatedAt: Math.floor(atMs / 1000) + (aheadSeconds[index] ?? 0),
                seenAtMs: atMs + delayMs,
                wasRead: false,
                wasWritten: false,
              },
            })),
          ),
          ...reads.flatMap(([sentAtMs, delayMs]) => {
            const version = versionAt(changes, sentAtMs);
            if (version === null) return [];
            return [
              { atMs: sentAtMs + delayMs, snapshot: { ...version, ...read(version.updatedAt, sentAtMs) } },
            ];
          }),
        ].toSorted((one, other) => one.atMs - other.atMs);

        let cached: Snapshot | null = null;
        const learn = (incoming: Snapshot, nowMs: number): void => {
          const same = cached?.content === incoming.content && cached.updatedAt === incoming.updatedAt;
          switch (judgeSnapshot(cached, incoming, same)) {
            case 'take':
              cached = incoming;
              return;
            case 'same':
              if (cached !== null && incoming.wasRead && incoming.seenAtMs >= cached.seenAtMs)
                cached = incoming;
              return;
            case 'read-again': {
              const version = versionAt(changes, nowMs);
              if (version !== null) learn({ ...version, ...read(version.updatedAt, nowMs) }, nowMs);
              return;
            }
            case 'keep':
              return;
          }
        };
        for (const { atMs, snapshot } of arrivals) learn(snapshot, atMs);
        expect(cached).toMatchObject({ ...versionAt(changes, Infinity) });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the same content', () => {
  it('of contacts is what the rules and reports use, an absent attribute being null', () => {
    const one = contact({ Employer: 'Acme', Referral: null });
    expect(sameContact(one, contact({ Employer: 'Acme' }))).toBe(true);
    expect(sameContact(one, contact({ Employer: 'Acme', 'Last Call': 5 }))).toBe(false);
    expect(sameContact(one, contact({ Employer: 'ACME' }))).toBe(false);
    for (const others of [
      { name: 'N' },
      { email: 'e' },
      { role: 'lead' },
      { externalId: null },
      { createdAt: 1 },
    ] as const) {
      expect(sameContact(one, contact({ Employer: 'Acme' }, others))).toBe(false);
    }
  });

  it('of conversations is every field', () => {
    const one = call('1', '2026-10-01');
    expect(sameConversation(one, call('1', '2026-10-01'))).toBe(true);
    for (const others of [
      { contactId: 'c2' },
      { createdAt: 1 },
      { updatedAt: 1 },
      { state: 'open' },
      { channel: 'phone' },
      { serviceCode: null },
      { coachId: null },
      { lastCloseAt: null },
    ] as const) {
      expect(sameConversation(one, call('1', '2026-10-01', others))).toBe(false);
    }
  });
});
