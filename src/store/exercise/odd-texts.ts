import { describe, expect, it } from 'vitest';
import { storableText } from '../../rules/text.js';
import type { BillingFilter, CaseloadFilter, DataQualityFilter, EngagementFilter } from '../ports/reports.js';
import type { Bench } from './bench.js';
import { readPages, type Question } from './report-lists.js';
import {
  call,
  callChange,
  contact,
  contactChange,
  DAY,
  handled,
  lease,
  leaseOneWrite,
  NOW_AT,
  NOW_MS,
  notification,
  openRun,
  wanting,
  wants,
  workOn,
} from './samples.js';

/** What people and programs type. Each begins and ends with a letter, because blanks at the ends are not kept everywhere. */
const ODD_TEXTS: Readonly<Record<string, string>> = {
  'a NUL': 'a\0b',
  'half of a surrogate pair': 'a\ud83db',
  'the other half of one': 'a\udc00b',
  'characters of four bytes and accents of their own': 'a😀𝒳e\u0301b',
  'marks of another direction': 'a\u202e\u200f\u2066b',
  'blanks of many kinds': 'a\u00a0\u3000\u2028b',
  'control characters and noncharacters': 'a\u0001\u001b\u007f\uffff\ufffeb',
  'what looks like a statement, a pattern, JSON or a placeholder': `a'"\`;-- %_*?[b]\\ ","b":{ $1 @after0 :nowMs ?1 \${b}`,
  'a name that every object has': '__proto__',
};

const NO_FILTER: CaseloadFilter = { fromAt: 0, coaches: [], employers: [], channels: [] };
const NO_ENGAGEMENT_FILTER: EngagementFilter = {
  referrals: [],
  employers: [],
  statuses: [],
  enrolledFromOn: null,
  enrolledToOn: null,
  lastSession: { fromAt: null, toAt: null },
};
const FIRST = { limit: 10, after: null };
const PROBLEMS: DataQualityFilter = { problems: [], coaches: [], employers: [], closedFromAt: 0 };
const MONTH: BillingFilter = {
  enrolledFromOn: '2000-01-01',
  enrolledToOn: '2100-01-01',
  calls: { fromAt: 0, toAt: NOW_AT },
  employers: [],
};
/** Lists that are sorted by texts. */
const LISTS: readonly Pick<Question, 'page'>[] = [
  { page: ({ engagement }, page) => engagement.page(NO_ENGAGEMENT_FILTER, page) },
  { page: ({ billing }, page) => billing.page(MONTH, page) },
  { page: ({ dataQuality }, page) => dataQuality.page(PROBLEMS, page) },
];

/** Texts that come from outside cost nobody anything, and are found again. */
export function exerciseOddTexts({ storeOf, openReports }: Bench): void {
  /** An engine may keep NUL, or may not be able to. Half of a surrogate pair has no bytes at all. */
  const asKept = (text: string | null | undefined): string | null =>
    typeof text === 'string' ? storableText(text) : null;
  const about = (text: string, id = 'a') => {
    const attributes = { 'Enrolled Date': NOW_AT - 90 * DAY, Employer: text, Referral: text };
    const person = contact(id, { name: text, email: text, externalId: text, attributes });
    return [
      contactChange(person),
      callChange(call(`1${id}`, id, { serviceCode: text })),
      callChange(call(`2${id}`, id, { channel: text })),
    ];
  };
  const knowOther = workOn([
    contactChange(contact('b', { attributes: { Employer: 'ab', Referral: 'ab' } })),
    callChange(call('3', 'b', { coachId: '8' })),
  ]);

  for (const [what, text] of Object.entries(ODD_TEXTS)) {
    describe(`a text with ${what}`, () => {
      const kept = storableText(text);

      it('is kept in all that is known of a member, and goes with it', async () => {
        const store = storeOf();
        await store.saveCoaches([{ id: '7', name: text, email: text }]);
        expect(await store.apply(workOn(about(text)))).toMatchObject({ kind: 'applied', members: 1 });
        const member = await store.findMember(text);
        const person = member?.contact;
        for (const value of [
          person?.name,
          person?.email,
          person?.externalId,
          person?.attributes['Employer'],
          person?.attributes['Referral'],
        ]) {
          expect(asKept(String(value))).toBe(kept);
        }
        const [first, second] =
          member?.conversations.toSorted((one, other) => (one.id < other.id ? -1 : 1)) ?? [];
        for (const value of [first?.serviceCode, first?.coachName, second?.channel]) {
          expect(asKept(value)).toBe(kept);
        }

        // As readers hand it over.
        await store.apply(workOn(about(kept, 'b')));
        const again = await store.apply(workOn(about(kept, 'b')));
        expect(again, 'the same once more').toMatchObject({ kind: 'applied', members: 0 });

        for (const id of ['a', 'b']) await store.apply(workOn([{ kind: 'contact-deleted', id }]));
        for (const id of ['a', 'b', text, kept]) expect(await store.findMember(id)).toBeNull();
        expect(await store.countCached(0)).toEqual({ members: 0, conversations: 0 });
      });

      it('is shown by reports, which find exactly it, and go on behind it', async () => {
        const store = storeOf();
        const reports = await openReports();
        await store.saveCoaches([{ id: '7', name: `Coach ${kept}`, email: null }]);
        await store.apply(workOn(about(kept)));
        await store.apply(knowOther);
        for (const chosen of [{ employers: [text] }, { coaches: [`coach ${text}`] }]) {
          const filter = { ...NO_FILTER, ...chosen };
          const { rows } = await reports.caseload.page(filter, FIRST);
          expect(
            rows.map(({ contactId }) => contactId),
            JSON.stringify(chosen),
          ).toEqual(['a']);
          expect(rows[0]?.name).toBe(kept);
          expect(rows[0]?.coachNames).toEqual([`Coach ${kept}`]);
          expect(await reports.caseload.count(filter)).toBe(1);
          const sessions = await reports.sessions.page(
            { ...filter, window: { fromAt: 0, toAt: null } },
            FIRST,
          );
          expect(sessions.rows.map(({ conversationId }) => conversationId)).toEqual(['1a']);
        }
        for (const chosen of [{ employers: [text] }, { referrals: [text] }]) {
          const { rows } = await reports.engagement.page({ ...NO_ENGAGEMENT_FILTER, ...chosen }, FIRST);
          expect(rows.map(({ userId }) => userId)).toEqual([kept]);
        }
        const problems = { ...PROBLEMS, coaches: [`coach ${text}`] };
        const { rows } = await reports.dataQuality.page(problems, FIRST);
        expect(rows.map(({ conversationId }) => conversationId)).toEqual(['1a', '2a']);
        const choices = await reports.filterChoices();
        expect(choices.employers.toSorted()).toEqual([kept, 'ab'].toSorted());
        expect(choices.coaches.map(({ name }) => name)).toContain(`Coach ${kept}`);
        for (const coaches of [[text], [`${text}7`]])
          expect(await reports.caseload.count({ ...NO_FILTER, coaches })).toBe(0);

        const other = contact('c', { name: kept, attributes: { Employer: kept, 'Enrolled Date': NOW_AT } });
        await store.apply(workOn([contactChange(other), callChange(call('4', 'c', { channel: kept }))]));
        for (const list of LISTS) {
          const whole = (await list.page(reports, FIRST)).rows;
          expect(whole.length).toBeGreaterThan(2);
          expect(await readPages(list, reports, 1), 'it is a place behind which a list goes on').toEqual(
            whole,
          );
        }
      });

      it('is kept in what comes in, what is to be written, and in runs, logins and parked objects', async () => {
        const store = storeOf();
        const over = {
          topic: text,
          lane: text,
          subject: { kind: 'contact', id: text },
        } as const;
        expect(await store.storeNotification(notification(text, over))).toBe('stored');
        expect(await store.storeNotification(notification(text, over))).toBe('duplicate');
        const waiting = notification('second', { lane: text });
        expect(await store.storeNotification(waiting)).toBe('stored');
        const [taken, ...others] = await store.leaseNotifications(lease());
        expect(others, 'it is one lane').toEqual([]);
        const { id, lease: held } = handled(taken);
        expect([taken?.dedupeKey, taken?.topic, taken?.subject?.id].map(asKept)).toEqual([kept, kept, kept]);
        expect(await store.renewNotifications([{ id, lease: held }], NOW_MS + 1)).toEqual([]);
        expect(await store.parkNotification({ id, lease: held, reason: text })).toBe('settled');
        expect((await store.parked()).map(({ reason, topic }) => [asKept(reason), asKept(topic)])).toEqual([
          [kept, kept],
        ]);
        await store.noteOtherWorkspaces([{ id: text, count: 1, lastAtMs: NOW_MS }]);
        expect((await store.otherWorkspaces())?.workspaces.map(({ id: other }) => asKept(other))).toEqual([
          kept,
        ]);

        const change = wants(text, 'Eligible Programs');
        const cause = { kind: 'sync', ref: text } as const;
        await store.apply(workOn([contactChange(contact('a'))], { decide: wanting(change), cause }));
        const write = await leaseOneWrite(store);
        expect(write.changes.map(({ after }) => asKept(String(after)))).toEqual([kept]);
        expect(asKept(write.cause.ref)).toBe(kept);
        await store.parkWrite({ ...write, reason: text });
        const [shown] = (await store.findMember('a'))?.writes ?? [];
        expect([asKept(String(shown?.after)), asKept(shown?.reason)]).toEqual([kept, kept]);
        expect((await store.recentWrites(5)).map(({ after }) => asKept(String(after)))).toEqual([kept]);

        const run = await openRun(store, { params: { [text]: text } });
        const progress = { ...run.progress, phase: text };
        const page = { runId: run.id, lease: run.lease, leaseUntilMs: NOW_MS, checkpoint: text, progress };
        await store.advanceRun({ ...page, counted: { phase: text, entries: [text, text] } });
        const found = await store.findRun(run.id);
        expect([found?.checkpoint, found?.progress.phase].map(asKept)).toEqual([kept, kept]);
        expect(
          Object.entries(found?.params ?? {})
            .flat()
            .map((part) => asKept(String(part))),
        ).toEqual([kept, kept]);
        expect(await store.countEntries(text)).toBe(1);
        const login = { id: text, expiresAt: NOW_AT + DAY };
        await store.endLogin({ ...login, nowAt: NOW_AT });
        expect(await store.isLoginEnded(login)).toBe(true);
        const object = { kind: 'contact', id: 'a', field: text, likelyOwnerId: text } as const;
        expect(await store.parkObject({ ...object, nowMs: NOW_MS, runId: null })).toBe('new');
        const parked = await store.findParkedObject({ kind: 'contact', id: 'a' }, NOW_MS);
        expect([parked?.field, parked?.likelyOwnerId].map(asKept)).toEqual([kept, kept]);
      });
    });
  }
}
