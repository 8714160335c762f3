/** The pages in the order of the navigation. */
export const PAGES = [
  { path: '/intercom', name: 'Home', purpose: 'Headline figures and what the words mean.' },
  {
    path: '/intercom/caseload',
    name: 'Caseload',
    purpose: 'Who has had coaching sessions, with whom, and how long ago the last one was.',
  },
  {
    path: '/intercom/sessions',
    name: 'Sessions',
    purpose: 'Each coaching session: when, with which coach, through which channel.',
  },
  {
    path: '/intercom/new-participants',
    name: 'New participants',
    purpose: 'Who has enrolled, and how long they have been without a session.',
  },
  {
    path: '/intercom/billing',
    name: 'Billing',
    purpose: 'Who is billed for a month: new in it, or engaged during it.',
  },
  {
    path: '/intercom/upcoming',
    name: 'Upcoming',
    purpose: 'Whose Engagement Status will change in the next days unless they have a qualifying call first.',
  },
  {
    path: '/intercom/data-quality',
    name: 'Data quality',
    purpose: 'Closed calls that do not count and members with missing attributes, and how to fix them.',
  },
  {
    path: '/intercom/activity',
    name: 'Activity',
    purpose: 'What the service is doing: runs, drift, notifications, writes, and what waits for a person.',
  },
] as const;
export type PagePath = (typeof PAGES)[number]['path'];

/** A member's page. The address holds the Intercom contact id, never a name or an e-mail address. */
export function memberHref(contactId: string): string {
  return `/intercom/members/${encodeURIComponent(contactId)}`;
}

/** The page of one run, with its drift. */
export function runHref(runId: string): string {
  return `/intercom/activity/runs/${encodeURIComponent(runId)}`;
}
