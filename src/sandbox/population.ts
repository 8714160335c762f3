import { newContact } from './contacts.js';
import { memberHistory } from './population-history.js';
import { EMPLOYERS, FIRST_NAMES, LAST_NAMES, MIDDLE_NAMES, SUFFIXES } from './population-names.js';
import { maintainedBefore } from './population-maintained.js';
import { createRandom, type Random } from './random.js';
import type { AttributeValues, ContactRecord } from './records.js';
import type { WorkspaceState } from './state.js';
import type { Workspace } from './workspace.js';

export interface Population {
  /** Contacts with role user; leads and archived ones come on top of them (about 1 in 12). */
  readonly members?: number;
  readonly seed?: number;
  /** The moment up to which history reaches, Unix seconds; now unless given. */
  readonly endAt?: number;
  /** How far back history reaches. */
  readonly days?: number;
  /** Average number of conversations of a member. */
  readonly conversationsPerMember?: number;
}

const DAY_SECONDS = 86_400;

/**
 * Fills the workspace with invented members and their conversations, the same ones for the same seed. Nothing is
 * notified, and search knows everything at once: it has all been there for long. The attributes that the service
 * maintains are partly right, partly out of date and partly empty, as before its first run.
 */
export function populate(
  workspace: Workspace,
  population: Population = {},
): { readonly contacts: number; readonly conversations: number } {
  const { state } = workspace;
  const { members = 300, days = 365, conversationsPerMember = 10 } = population;
  const random = createRandom(population.seed ?? state.settings.seed);
  const endAt = population.endAt ?? state.nowAt();
  const before = { contacts: state.contacts.size, conversations: state.conversations.size };
  for (let number = 1; number <= members; number += 1) {
    addMember(state, random, { number, endAt, days, conversationsPerMember });
    if (random.chance(1 / 20)) addLead(state, random, endAt - random.between(1, days) * DAY_SECONDS);
    if (random.chance(1 / 30)) addArchived(state, random, number, endAt - days * DAY_SECONDS);
  }
  workspace.catchUpSearch();
  return {
    contacts: state.contacts.size - before.contacts,
    conversations: state.conversations.size - before.conversations,
  };
}

interface MemberPlan {
  readonly number: number;
  readonly endAt: number;
  readonly days: number;
  readonly conversationsPerMember: number;
}

function addMember(state: WorkspaceState, random: Random, plan: MemberPlan): void {
  const enrolledDaysAgo = random.weighted([
    [random.between(0, 27), 15],
    [random.between(28, 90), 20],
    [random.between(91, plan.days), 50],
    [random.between(plan.days, plan.days * 2), 15],
  ] as const);
  const enrolledAt = plan.endAt - enrolledDaysAgo * DAY_SECONDS;
  const contact = newContact(state, {
    ...person(random, plan.number),
    externalId: random.chance(0.97) ? `M${String(100_000 + plan.number)}` : null,
    createdAt: enrolledAt - random.between(0, 10) * DAY_SECONDS,
    customAttributes: profile(random, enrolledAt, plan.endAt),
  });
  const conversations = memberHistory(state, random, {
    contact,
    fromAt: Math.max(enrolledAt, plan.endAt - plan.days * DAY_SECONDS),
    endAt: plan.endAt,
    average: plan.conversationsPerMember,
  });
  for (const conversation of conversations) state.conversations.put(conversation);
  const lastChangedAt = Math.min(
    plan.endAt,
    contact.createdAt + random.between(0, enrolledDaysAgo) * DAY_SECONDS,
  );
  const complete: ContactRecord = {
    ...contact,
    customAttributes: {
      ...contact.customAttributes,
      ...maintainedBefore(random, contact, conversations, plan.endAt),
    },
    updatedAt: lastChangedAt,
  };
  state.contacts.put(complete);
}

function profile(random: Random, enrolledAt: number, endAt: number): AttributeValues {
  const enrolledDay = midnight(enrolledAt);
  const birthDay = midnight(endAt - random.between(24 * 365, 78 * 365) * DAY_SECONDS);
  const referral = random.weighted([
    ['Counter Health', 30],
    ['counter health ', 2],
    ['Physician', 15],
    ['HR', 20],
    [null, 33],
  ] as const);
  return present({
    // Most come as midnight UTC, some imports left an exact moment or a text.
    'Enrolled Date': random.chance(0.06)
      ? null
      : random.weighted<string | number>([
          [enrolledDay, 88],
          [enrolledAt, 6],
          [isoDate(enrolledDay), 6],
        ] as const),
    'Registration Date': random.chance(0.7)
      ? Math.max(0, enrolledDay - random.between(0, 14) * DAY_SECONDS)
      : null,
    'Date of Birth': random.chance(0.95) ? birthDay : null,
    Employer: random.chance(0.96) ? random.pick(EMPLOYERS) : null,
    Referral: referral,
    'Registration Code': random.chance(0.8) ? `RC-${random.between(1000, 9999)}` : null,
  });
}

function person(random: Random, number: number): { readonly name: string; readonly email: string } {
  const first = random.pick(FIRST_NAMES);
  const words: string[] = [first];
  if (random.chance(0.12)) words.push(random.pick(MIDDLE_NAMES));
  words.push(random.pick(LAST_NAMES));
  if (random.chance(0.03)) words.push(random.pick(SUFFIXES));
  const mailbox = first
    .normalize('NFD')
    .replaceAll(/[^A-Za-z]/g, '')
    .toLowerCase();
  return { name: words.join(' '), email: `${mailbox}.${number}@members.example` };
}

function addLead(state: WorkspaceState, random: Random, createdAt: number): void {
  const lead = newContact(state, { role: 'lead', name: random.pick(FIRST_NAMES), createdAt });
  // A uuid made from the same seed, so that two workspaces of one seed are equal.
  const hex = Array.from({ length: 32 }, () => random.between(0, 15).toString(16)).join('');
  const externalId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  state.contacts.put({ ...lead, externalId });
}

function addArchived(state: WorkspaceState, random: Random, number: number, createdAt: number): void {
  const contact = newContact(state, {
    ...person(random, number),
    externalId: `X${String(100_000 + number)}`,
    createdAt,
    customAttributes: { Employer: random.pick(EMPLOYERS) },
  });
  state.contacts.put({ ...contact, archived: true });
}

function present(values: AttributeValues): AttributeValues {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function midnight(at: number): number {
  return at - (((at % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS);
}

function isoDate(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 10);
}
