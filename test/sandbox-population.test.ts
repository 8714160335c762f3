import { describe, expect, it } from 'vitest';
import { CHANNELS, QUALIFYING_SERVICE_CODES } from '../src/rules/vocabulary.js';
import { closeRandomCall, editRandomContact } from '../src/sandbox/coaches.js';
import { populate, type Population } from '../src/sandbox/population.js';
import { createRandom } from '../src/sandbox/random.js';
import type { ConversationRecord } from '../src/sandbox/records.js';
import { pageThrough } from './support/population-pages.js';
import { createSandbox, dig } from './support/sandbox-ask.js';

function populated(population: Population) {
  const sandbox = createSandbox({ searchLagMs: 60_000 });
  const added = populate(sandbox.workspace, population);
  return { ...sandbox, added };
}

describe('the invented population', () => {
  it('is the same for the same seed, another for another', () => {
    const snapshot = (seed: number) => {
      const { workspace } = populated({ members: 60, seed });
      return { contacts: workspace.contacts(), conversations: workspace.conversations() };
    };
    expect(snapshot(3)).toEqual(snapshot(3));
    expect(snapshot(3)).not.toEqual(snapshot(4));
  });

  it('has every kind of person and slip that the product must cope with', () => {
    const { workspace } = populated({ members: 300, seed: 1 });
    const members = workspace.contacts().filter(({ role, archived }) => role === 'user' && !archived);
    expect(members).toHaveLength(300);
    const share = (test: (member: (typeof members)[number]) => boolean): number =>
      members.filter(test).length / members.length;
    const has = (name: string) => share(({ customAttributes }) => customAttributes[name] !== undefined);
    expect(workspace.contacts().some(({ role }) => role === 'lead')).toBe(true);
    expect(workspace.contacts().some(({ archived }) => archived)).toBe(true);
    expect(share(({ externalId }) => externalId === null)).toBeGreaterThan(0);
    for (const attribute of [
      'Enrolled Date',
      'Employer',
      'Referral',
      'Engagement Status',
      'Last Coaching Session',
    ]) {
      expect(has(attribute)).toBeGreaterThan(0.1);
      expect(has(attribute)).toBeLessThan(1);
    }
    expect(
      share(({ customAttributes }) => customAttributes['Referral'] === 'Counter Health'),
    ).toBeGreaterThan(0.2);
    const names = members.map(({ name }) => name ?? '').join('\n');
    for (const pattern of [/ van der /, /\p{L}-\p{L}/u, /[éøñ]/, / Jr\.$/m]) expect(names).toMatch(pattern);

    const conversations = workspace.conversations();
    const values = (name: string) =>
      new Set(conversations.map(({ customAttributes }) => customAttributes[name]));
    for (const channel of [...CHANNELS, 'Phnoe', undefined]) expect(values('Channel')).toContain(channel);
    for (const code of [...QUALIFYING_SERVICE_CODES, undefined])
      expect(values('Service Code')).toContain(code);
    expect(new Set(conversations.map(({ state }) => state))).toEqual(new Set(['open', 'closed', 'snoozed']));
    expect(conversations.some(({ statistics }) => statistics === null)).toBe(true);
    expect(new Set(conversations.map(({ adminAssigneeId }) => adminAssigneeId)).size).toBeGreaterThan(5);
  });

  it('lies within its time, and every conversation belongs to a contact', () => {
    const { workspace, clock } = populated({ members: 200, seed: 2, days: 365 });
    const now = clock.nowMs() / 1000;
    const ids = new Set(workspace.contacts().map(({ id }) => id));
    const lies = ({ contactIds, createdAt, updatedAt, statistics }: ConversationRecord): boolean =>
      ids.has(contactIds[0] ?? '') &&
      createdAt >= now - 365 * 86_400 &&
      updatedAt <= now &&
      (statistics?.lastCloseAt ?? 0) <= now;
    expect(workspace.conversations().filter((conversation) => !lies(conversation))).toEqual([]);
    expect(workspace.contacts().filter(({ updatedAt }) => updatedAt > now)).toEqual([]);
  });

  it('can be searched at once, and nobody is told of it', async () => {
    const { ask, workspace, added } = populated({ members: 20 });
    const found = await ask('POST', '/contacts/search', {
      query: { field: 'role', operator: 'IN', value: ['user', 'lead'] },
    });
    const archived = workspace.contacts().filter((contact) => contact.archived).length;
    expect(found.at('total_count')).toBe(added.contacts - archived);
    expect(workspace.webhooks.deliveries).toEqual([]);
  });

  // `npm run test:scale` makes 10,000.
  it('hundreds of members with thousands of conversations can be made and paged through', async () => {
    const { conversations, seen } = await pageThrough({ members: 350, seed: 5 }, 20);
    expect(conversations).toBeGreaterThan(3000);
    expect(conversations).toBeLessThan(4200);
    expect(seen).toBe(3000);
  });
});

describe('coaches at work', () => {
  it('close calls with what coaches choose, and tell of it', async () => {
    const { workspace } = populated({ members: 30, seed: 1 });
    const topics: unknown[] = [];
    workspace.webhooks.deliverTo(async (request) => {
      topics.push(dig(await request.json(), ['topic']));
      return new Response();
    });
    const random = createRandom(9);
    for (let call = 0; call < 40; call += 1) {
      const conversation = closeRandomCall(workspace, random);
      expect(conversation?.state).toBe('closed');
    }
    await workspace.webhooks.drained();
    expect(topics.filter((topic) => topic === 'conversation.admin.closed')).toHaveLength(40);
    expect(topics).toContain('conversation.admin.single.created');
  });

  it('edit members only, in ways that the service has to answer', () => {
    const { workspace, clock } = populated({ members: 30, seed: 1 });
    clock.advance(1_000);
    const random = createRandom(9);
    for (let edit = 0; edit < 20; edit += 1) {
      const contact = editRandomContact(workspace, random)?.contact;
      expect([contact?.role, contact?.archived, contact?.updatedAt]).toEqual([
        'user',
        false,
        clock.nowMs() / 1000,
      ]);
    }
  });

  it('find nothing to do in an empty workspace', () => {
    const { workspace } = createSandbox();
    expect([
      closeRandomCall(workspace, createRandom(1)),
      editRandomContact(workspace, createRandom(1)),
    ]).toEqual([null, null]);
  });
});
