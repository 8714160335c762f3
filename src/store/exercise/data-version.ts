import { describe, expect, it } from 'vitest';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import { LATER_AT } from './race-tasks.js';
import {
  afterWrite,
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
  handled,
  knowMember,
  lease,
  leaseOneWrite,
  NOW_AT,
  NOW_MS,
  notification,
  openRun,
  sentAll,
  touch,
  workOn,
} from './samples.js';

type Act = (store: Store) => Promise<unknown>;

const seven = { id: '7', name: 'Coach Seven', email: null };

/** What may change an answer. Member `a` is known, with a call and a write that waits. */
const ANSWERS_CHANGE: Readonly<Record<string, Act>> = {
  'a contact that is new': (store) => store.apply(workOn([contactChange(contact('new'))])),
  'a contact that has changed': (store) => touch(store, 'a'),
  'a conversation that is new': (store) => store.apply(workOn([callChange(call('new', 'a'))])),
  'a conversation that has changed': (store) =>
    store.apply(workOn([callChange(call('call-of-a', 'a', { updatedAt: NOW_AT, coachId: '9' }))])),
  'a conversation that is deleted': (store) =>
    store.apply(workOn([{ kind: 'conversation-deleted', id: 'call-of-a' }])),
  'a contact that is archived': (store) =>
    store.apply(workOn([{ kind: 'contact-archived', id: 'a', at: NOW_AT }])),
  'a contact that is deleted': (store) => store.apply(workOn([{ kind: 'contact-deleted', id: 'a' }])),
  'a contact that is merged into another': (store) =>
    store.apply(workOn([{ kind: 'contact-merged', absorbedId: 'a', survivorId: 'b' }])),
  'a member whom time has given another status': (store) =>
    store.applyDueTransitions({ nowAt: LATER_AT, limit: 10, decide: decideAt(LATER_AT) }),
  'a write that is in Intercom': async (store) => {
    const write = await leaseOneWrite(store);
    const held = contactChange(afterWrite('a', write), NOW_MS);
    await store.apply(workOn([held], { completes: sentAll(write) }));
  },
  'a coach who has another name': (store) => store.saveCoaches([{ ...seven, name: 'Coach 7' }]),
  'a coach who is new': (store) => store.saveCoaches([{ ...seven, id: '8' }]),
  'a notification that is applied, because answers say how fresh they are': async (store) => {
    await store.storeNotification(notification('a'));
    const [taken] = await store.leaseNotifications(lease());
    await store.apply(workOn([], { completes: handled(taken) }));
  },
  'a longer coverage': (store) => store.setCoverage(NOW_AT - 1000),
  'a sweep that has come to its end': async (store) => {
    const { id: runId, lease: held, progress } = await openRun(store);
    const end = { status: 'done', reason: null, nowMs: NOW_MS, progress, sweptUntilAt: NOW_AT } as const;
    await store.finishRun({ runId, lease: held, ...end });
  },
  'a sync that has come to its end': async (store) => {
    const { id: runId, lease: held, progress } = await openRun(store, { job: 'session-sync' });
    const end = { status: 'done', reason: null, nowMs: NOW_MS, progress, sweptUntilAt: NOW_AT } as const;
    await store.finishRun({ runId, lease: held, ...end });
  },
};

/** What changes none. */
const ANSWERS_STAY: Readonly<Record<string, Act>> = {
  'what is known already': (store) => knowMember(store, 'a'),
  'an older snapshot': (store) => store.apply(workOn([contactChange(contact('a', { updatedAt: 1 }))])),
  'work that is only compared': (store) => store.compare(workOn([contactChange(contact('new'))])),
  'an answer that something has to be read': (store) =>
    store.apply(workOn([callChange(call('new', 'nobody'))])),
  'rules that fail': (store) =>
    store
      .apply(
        workOn([contactChange(contact('new'))], {
          decide: () => {
            throw new RangeError('a defect');
          },
        }),
      )
      .catch(() => null),
  'coaches who are known already': (store) => store.saveCoaches([seven]),
  'a notification that is stored, leased and tried again': async (store) => {
    await store.storeNotification(notification('a'));
    const [taken] = await store.leaseNotifications(lease());
    await store.retryNotification({ ...handled(taken), reason: 'why', dueAtMs: NOW_MS });
  },
  'a notification that is parked and replayed': async (store) => {
    await store.storeNotification(notification('a'));
    const [taken] = await store.leaseNotifications(lease());
    await store.parkNotification({ ...handled(taken), reason: 'why' });
    await store.replay('all', NOW_MS);
  },
  'a write that is leased and parked': async (store) => {
    await store.parkWrite({ ...(await leaseOneWrite(store)), reason: 'why' });
  },
  'a run that goes on': async (store) => {
    const { id: runId, lease: held, progress } = await openRun(store);
    await store.advanceRun({ runId, lease: held, leaseUntilMs: NOW_MS + 1, checkpoint: 'next', progress });
  },
  'a shorter coverage': (store) => store.setCoverage(NOW_AT),
  'no status that is due': (store) =>
    store.applyDueTransitions({ nowAt: NOW_AT, limit: 10, decide: decideAt() }),
  'housekeeping that finds nothing': async (store) => {
    await store.eraseOldPayloads(NOW_MS);
    await store.finishErasures(NOW_MS);
    await store.scrubPayloads(NOW_MS);
    await store.pruneInbox({ settledBeforeMs: NOW_MS, parkedBeforeMs: NOW_MS });
    await store.pruneRuns({ sweepsBeforeMs: NOW_MS, othersBeforeMs: NOW_MS });
    await store.fixTimes({ nowMs: NOW_MS, backMs: 0 });
  },
  'what people do and look at': async (store) => {
    await store.endLogin({ id: 'login', expiresAt: NOW_AT + 1, nowAt: NOW_AT });
    await store.canWrite();
    await store.backlog(NOW_MS);
    await store.findMember('a');
  },
};

/** The version by which readers know that answers they have are still good. */
export function exerciseDataVersion({ storeOf, openReports, openAnother }: Bench): void {
  const begin = async () => {
    const store = storeOf();
    await store.saveCoaches([seven]);
    await store.setCoverage(NOW_AT - 10);
    await store.apply(workOn([contactChange(contact('b', { attributes: {} }))]));
    await knowMember(store, 'a');
    return { store, reports: await openReports() };
  };

  describe('the version of what reports answer', () => {
    for (const [name, act] of Object.entries(ANSWERS_CHANGE)) {
      it(`changes with ${name}`, async () => {
        const { store, reports } = await begin();
        const before = await reports.dataVersion();
        await act(store);
        expect(await reports.dataVersion()).not.toBe(before);
      });
    }

    for (const [name, act] of Object.entries(ANSWERS_STAY)) {
      it(`stays with ${name}`, async () => {
        const { store, reports } = await begin();
        const before = await reports.dataVersion();
        await act(store);
        expect(await reports.dataVersion()).toBe(before);
      });
    }

    it('is the same for every reader, changes with what another process does, and outlives a restart', async () => {
      const { store, reports } = await begin();
      const others = await openReports();
      const other = await openAnother();
      const before = await reports.dataVersion();
      expect(await others.dataVersion()).toBe(before);
      await touch(other, 'a');
      const after = await reports.dataVersion();
      expect(after).not.toBe(before);
      await store.close();
      await other.close();
      await openAnother();
      expect(await (await openReports()).dataVersion()).toBe(after);
    });

    it('never comes back, also when answers do', async () => {
      const { store, reports } = await begin();
      const seen = new Set<string>([await reports.dataVersion()]);
      const rounds = 10;
      for (let round = 0; round < rounds; round += 1) {
        await store.saveCoaches([{ ...seven, name: round % 2 === 0 ? 'One' : 'Other' }]);
        seen.add(await reports.dataVersion());
      }
      expect(seen.size).toBe(rounds + 1);
    });
  });
}
