import type { Workspace } from '../../src/sandbox/workspace.js';
import { createFilledHarness, type FilledOptions } from './filled-harness.js';
import type { Harness } from './harness.js';

/** 11:00 in New York on a Thursday. */
export const REPORT_AT = '2026-10-15T15:00:00Z';
export const TODAY = '2026-10-15';

export const COACH = 5_210_001;
export const OTHER_COACH = 5_210_002;

export function at(instant: string): number {
  return Date.parse(instant) / 1000;
}

/** A date-only attribute as Intercom holds it. */
export function dated(on: string): number {
  return at(`${on}T00:00:00Z`);
}

export interface MadeSession {
  readonly at: string;
  readonly channel?: string;
  readonly serviceCode?: string;
  readonly adminId?: number;
}

export interface MadeMember {
  readonly externalId?: string;
  readonly name?: string;
  readonly email?: string;
  readonly role?: 'user' | 'lead';
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly sessions?: readonly MadeSession[];
}

export function addMember(workspace: Workspace, member: MadeMember): string {
  const { externalId, name, email, role, attributes, sessions = [] } = member;
  const { id } = workspace.addContact({
    ...(externalId === undefined ? {} : { externalId }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    ...(role === undefined ? {} : { role }),
    customAttributes: attributes ?? {},
  });
  for (const session of sessions) addSession(workspace, id, session);
  return id;
}

export function addSession(workspace: Workspace, contactId: string, session: MadeSession): string {
  const { channel, serviceCode } = session;
  const closedAt = at(session.at);
  const { id } = workspace.addConversation({
    contactIds: [contactId],
    adminId: session.adminId ?? COACH,
    createdAt: closedAt - 600,
  });
  workspace.closeConversation(id, {
    at: closedAt,
    ...(channel === undefined ? {} : { channel }),
    ...(serviceCode === undefined ? {} : { serviceCode }),
  });
  return id;
}

export const NASTY_NAME = 'Quote "Q", comma;\nnew line 😀';
export const FORMULA_NAME = '=HYPERLINK("http://example.com")';

/** A handful of members, one for each thing that reports tell apart. */
export function addReportMembers(workspace: Workspace): void {
  const call = { channel: 'Phone', serviceCode: 'Health Coaching 001' } as const;
  // Two sessions in two channels; the last one today.
  addMember(workspace, {
    externalId: 'M-1',
    name: 'Søren Jan van der Berg Jr.',
    email: 'soren@example.com',
    attributes: {
      'Enrolled Date': dated('2026-01-05'),
      'Registration Date': dated('2026-10-03'),
      'Date of Birth': dated('1980-02-29'),
      Employer: 'Acme',
      Referral: 'Counter Health',
      'Registration Code': 'R-1',
    },
    sessions: [
      { ...call, at: '2026-10-15T13:00:00Z' },
      { at: '2026-09-20T13:00:00Z', channel: 'Email', adminId: OTHER_COACH },
    ],
  });
  // New in the month, without a session for 14 days.
  addMember(workspace, {
    externalId: 'M-2',
    name: FORMULA_NAME,
    email: 'm2@example.com',
    attributes: { 'Enrolled Date': dated('2026-10-01'), Employer: ' acme ' },
  });
  // 8 days ago; 23:50 in New York is the next day in UTC.
  addMember(workspace, {
    externalId: 'M-3',
    name: NASTY_NAME,
    attributes: { 'Enrolled Date': dated('2026-02-01'), Employer: 'beta' },
    sessions: [
      {
        at: '2026-10-08T03:50:00Z',
        channel: 'video conference',
        serviceCode: 'Disease Management 002',
        adminId: OTHER_COACH,
      },
    ],
  });
  // A session that is no qualifying call, of somebody without User ID, Employer and Enrolled Date.
  addMember(workspace, { name: 'Cher', sessions: [{ at: '2026-09-16T15:00:00Z', channel: 'Phone' }] });
  // The last one 57 days ago.
  addMember(workspace, {
    externalId: 'M-5',
    name: 'Xiomara Nuñez III',
    attributes: { 'Enrolled Date': dated('2026-03-01'), Employer: 'Beta' },
    sessions: [{ ...call, at: '2026-08-19T15:00:00Z' }],
  });
  // Enrolls after today.
  addMember(workspace, {
    externalId: 'M-6',
    name: 'Van Johnson',
    attributes: { 'Enrolled Date': dated('2026-11-01'), Employer: 'Acme' },
  });
  // Enrolled 28 days ago and never called: Unengaged from tomorrow on.
  addMember(workspace, {
    externalId: 'M-7',
    name: 'Doe, Jane',
    attributes: { 'Enrolled Date': dated('2026-09-17'), Employer: 'Acme' },
  });
  // Neither a lead nor an archived contact is a member.
  addMember(workspace, { role: 'lead', name: 'Lead', sessions: [{ ...call, at: '2026-10-14T15:00:00Z' }] });
  const archived = addMember(workspace, {
    externalId: 'M-9',
    name: 'Archived',
    attributes: { 'Enrolled Date': dated('2026-10-02') },
    sessions: [{ ...call, at: '2026-10-14T15:00:00Z' }],
  });
  workspace.archiveContact(archived);
}

export function createReportHarness(options: FilledOptions = {}): Promise<Harness> {
  const filling = { name: 'members of reports', fill: addReportMembers };
  return createFilledHarness(filling, { at: REPORT_AT, ...options });
}
