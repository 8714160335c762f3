import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import type { RaceRequest } from './race.js';
import { changesOfContact, LATER_AT } from './race-tasks.js';
import { inAnyOrder, DAY, decideAt, knowMember, lease, NOW_MS, notification, workOn } from './samples.js';

/** Two processes on one database, at the same moment: as one after the other, or as if only one of them were there. */
export function exerciseTwoStores(bench: Bench): void {
  const { race, storeOf, placeOf, openAnother } = bench;
  const raceHere = (request: Omit<RaceRequest, 'places'>) => race({ ...request, places: [placeOf()] });

  describe('two stores on one database, at the same moment', () => {
    it('store the same delivery once', async () => {
      const answers = await raceHere({ task: 'receive', rounds: 50 });
      for (const pair of answers) expect(inAnyOrder(pair)).toEqual(['duplicate', 'stored']);
      expect(await storeOf().leaseNotifications(lease())).toHaveLength(50);
    });

    it('never get one lane twice, a hundred times over', () => expectNoLaneTwice(bench, 100));

    it('never get the writes of one contact twice', async () => {
      const store = storeOf();
      const prepare = async (round: number): Promise<void> => {
        for (const name of ['a', 'b']) await knowMember(store, `${name}-${round}`);
      };
      const answers = await raceHere({ task: 'leaseContacts', rounds: 20, prepare });
      for (const [round, pair] of answers.entries()) {
        expect(inAnyOrder(pair.flat())).toEqual([`a-${round}`, `b-${round}`]);
      }
    });

    it('open one run', async () => {
      const store = storeOf();
      const after = async (): Promise<void> => {
        const run = await store.adoptRun({ ...lease({ owner: 'test' }), nowMs: NOW_MS + 2 });
        if (run === null) throw new Error('no run was opened');
        const end = { status: 'done', reason: null, nowMs: NOW_MS, progress: run.progress } as const;
        await store.finishRun({ runId: run.id, lease: run.lease, ...end });
      };
      const answers = await raceHere({ task: 'openRun', rounds: 20, after });
      for (const pair of answers) expect(inAnyOrder(pair)).toEqual(['busy', 'opened']);
      expect(await store.listRuns({ limit: 1, after: null, jobs: [] })).toMatchObject({ total: 20 });
    });

    it('apply each status change that time has brought once', async () => {
      const store = storeOf();
      const ids = Array.from({ length: 40 }, (_, number) => `m-${number}`);
      for (const id of ids) await knowMember(store, id);
      const [[one, other] = []] = await raceHere({ task: 'applyTransitions', rounds: 1 });
      expect(Number(one) + Number(other)).toBe(ids.length);
      for (const id of ids) {
        const writes = (await store.findMember(id))?.writes ?? [];
        const statuses = writes.filter(({ attribute }) => attribute === 'Engagement Status');
        expect(statuses.map(({ after, outcome }) => [after, outcome])).toEqual([
          ['Unengaged', 'waiting'],
          ['Engaged', 'superseded'],
        ]);
      }
      expect(await store.nextTransitionAt()).toBeNull();
      expect(LATER_AT * 1000 - NOW_MS, 'after the change was due').toBeGreaterThan(29 * DAY);
    });

    it('leave one contact as if they had learned of it one after the other', async () => {
      const store = storeOf();
      const told = async (id: string): Promise<string> => {
        const member = await store.findMember(id);
        const conversations = member?.conversations.toSorted((a, b) => a.updatedAt - b.updatedAt);
        const writes = member?.writes.map(({ id: _id, ...write }) => write);
        return JSON.stringify({ ...member, conversations, writes }).replaceAll(id, 'the contact');
      };
      const expected: string[] = [];
      for (const order of [
        ['one', 'other'],
        ['other', 'one'],
      ] as const) {
        const id = `in-turn-${order[0]}`;
        await knowMember(store, id);
        for (const who of order) await store.apply(workOn(changesOfContact(id, who)));
        expected.push(await told(id));
      }
      const rounds = 20;
      const prepare = (round: number): Promise<void> => knowMember(store, `c-${round}`);
      const answers = await raceHere({ task: 'applyToOneContact', rounds, prepare });
      for (const pair of answers) expect(pair).toEqual(['applied', 'applied']);
      for (let round = 0; round < rounds; round += 1) expect(expected).toContain(await told(`c-${round}`));
    });
  });

  describe('a second store on the same database', () => {
    it('sees at once what the first one has committed, and the other way round', async () => {
      const [one, other] = [storeOf(), await openAnother()];
      await one.storeNotification(notification('a'));
      expect(await other.storeNotification(notification('a'))).toBe('duplicate');
      await knowMember(other, 'a');
      expect(await one.findMember('a')).toEqual(await other.findMember('a'));
      expect(await one.leaseWrites(lease())).toHaveLength(1);
      expect(await other.leaseWrites(lease({ owner: 'process-2' }))).toEqual([]);
    });

    it('goes on when the first one is closed', async () => {
      const other = await openAnother();
      await storeOf().close();
      await knowMember(other, 'a');
      expect(await other.findMember('a')).not.toBeNull();
      expect(await other.canWrite()).toBe(true);
    });

    it('decides by the rules that it was given, whatever the first one decides by', async () => {
      const [one, other] = [storeOf(), await openAnother()];
      await knowMember(one, 'a');
      const request = { nowAt: LATER_AT, limit: 10, decide: decideAt(LATER_AT) };
      expect(await other.applyDueTransitions(request)).toBe(1);
      expect((await one.findMember('a'))?.decision.status).toBe('Unengaged');
    });
  });
}

/** Hundreds of rounds, for what happens seldom. */
export function exerciseLongRaces(bench: Bench): void {
  describe('two stores on one database, for long', () => {
    it('never get one lane twice, five hundred times over', () => expectNoLaneTwice(bench, 500));
  });
}

async function expectNoLaneTwice({ race, storeOf, placeOf }: Bench, rounds: number): Promise<void> {
  const store = storeOf();
  const lanes = ['a', 'b', 'c'];
  const prepare = (round: number): Promise<unknown> =>
    Promise.all(
      [1, 2].flatMap((turn) =>
        lanes.map((name) =>
          store.storeNotification(notification(`${name}-${round}-${turn}`, { lane: `${name}-${round}` })),
        ),
      ),
    );
  const answers = await race({ task: 'leaseLanes', places: [placeOf()], rounds, prepare });
  for (const [round, pair] of answers.entries()) {
    // Each lane's first entry, by whichever of them; the second one has to wait.
    expect(inAnyOrder(pair.flat())).toEqual(lanes.map((name) => `${name}-${round}-1`));
  }
  const takers = new Set(
    answers.flatMap((pair) => pair.flatMap((part, who) => (asList(part).length > 0 ? [who] : []))),
  );
  expect(takers.size, 'it was a race').toBe(2);
}

function asList(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}
