import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeSnapshot, sameContact, sameConversation } from '../src/rules/snapshots.js';
import { call, contact } from './support/rules-facts.js';

const version = (updatedAt: number, observedAtMs: number | null = null) => ({ updatedAt, observedAtMs });

describe('a snapshot', () => {
  it.each([
    ['is taken when nothing is cached', null, version(5), false, 'take'],
    ['is taken when it is newer', version(4, 9000), version(5), false, 'take'],
    ['is dropped when it is older', version(5), version(4, 9000), false, 'keep'],
    ['says nothing new', version(5), version(5), true, 'same'],
    ['says nothing new, by a read', version(5), version(5, 9000), true, 'same'],
    ['asks for a read when an event differs within one second', version(5), version(5), false, 'read-again'],
    ['asks for a read even against a read', version(5, 9000), version(5), false, 'read-again'],
    ['is taken when it was read, and the cached one was not', version(5), version(5, 9000), false, 'take'],
    ['is taken when it was read later', version(5, 8000), version(5, 9000), false, 'take'],
    ['is taken when it was read at the same moment', version(5, 9000), version(5, 9000), false, 'take'],
    ['is dropped when it was read earlier', version(5, 9000), version(5, 8000), false, 'keep'],
  ] as const)('%s', (_what, cached, incoming, same, verdict) => {
    expect(judgeSnapshot(cached, incoming, same)).toBe(verdict);
  });
});

describe('snapshots in any order and any number', () => {
  interface Snapshot {
    readonly content: number;
    readonly updatedAt: number;
    readonly observedAtMs: number | null;
  }

  /** An object's life: each version has its second; several share one. Contents may come back. */
  const history = fc
    .array(fc.record({ content: fc.integer({ min: 0, max: 3 }), gap: fc.integer({ min: 0, max: 2 }) }), {
      minLength: 1,
      maxLength: 8,
    })
    .map((steps) => {
      let updatedAt = 100;
      return steps.map(({ content, gap }) => ({ content, updatedAt: (updatedAt += gap) }));
    });

  /** Every version as event (some more than once), and reads of what stood at the end of each version's second. */
  const deliveries = history.chain((versions) => {
    const events: Snapshot[] = versions.map((one) => ({ ...one, observedAtMs: null }));
    const reads: Snapshot[] = versions.flatMap((one) => {
      const last = versions.findLast((other) => other.updatedAt === one.updatedAt) ?? one;
      return [{ ...last, observedAtMs: (one.updatedAt + 1) * 1000 }];
    });
    const repeated = fc.shuffledSubarray([...events, ...reads]);
    return fc.record({
      truth: fc.constant(versions.at(-1)),
      order: fc
        .tuple(fc.shuffledSubarray(events, { minLength: events.length }), repeated, repeated)
        .chain((parts) => fc.shuffledSubarray(parts.flat(), { minLength: parts.flat().length })),
    });
  });

  it('leave the same: what Intercom holds', () => {
    fc.assert(
      fc.property(deliveries, ({ truth, order }) => {
        let cached: Snapshot | null = null;
        let readAtMs = 1_000_000;
        const learn = (incoming: Snapshot): void => {
          const same = cached?.content === incoming.content;
          switch (judgeSnapshot(cached, incoming, same)) {
            case 'take':
              cached = incoming;
              return;
            case 'same':
              if (cached !== null && incoming.observedAtMs !== null) {
                cached = {
                  ...cached,
                  observedAtMs: Math.max(cached.observedAtMs ?? 0, incoming.observedAtMs),
                };
              }
              return;
            case 'read-again':
              if (truth !== undefined) learn({ ...truth, observedAtMs: (readAtMs += 1000) });
              return;
            case 'keep':
              return;
          }
        };
        for (const snapshot of order) learn(snapshot);
        expect(cached).toMatchObject({ ...truth });
      }),
      { numRuns: 1000 },
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
