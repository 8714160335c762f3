import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { nowAt, type Clock } from '../../clock.js';
import { readQuery } from '../read-query.js';
import { readGiven } from '../read-request.js';
import { flag, optionalText, wholeNumber } from '../query-fields.js';
import { count, instant } from '../columns.js';
import type { Store } from '../../store/ports/store.js';
import { isParkedPlace, parkedPlace, type ParkedItem } from '../../store/ports/queries.js';
import { refuseFields, type FieldProblem } from '../problem.js';

export interface ParkedDeps {
  readonly store: Pick<Store, 'parked' | 'countParked' | 'replay'>;
  readonly clock: Clock;
}

export const parkedItem = z.object({
  kind: z
    .enum(['notification', 'write', 'contact', 'conversation'])
    .meta({ description: "contact, conversation: an object of Intercom's that can't be read" }),
  id: z
    .string()
    .meta({ description: 'Of a notification its number, of a write the contact id, of an object its own' }),
  topic: z.string().nullable(),
  attributes: z.array(z.string()),
  reason: z.string(),
  attempts: count,
  since: instant,
});

/** What one page holds at most, in the API and on the command line. */
export const MAX_PARKED = 500;

const cursor = optionalText(250, 'nextCursor of the page before').refine(
  (text) => text === undefined || isParkedPlace(text),
  'must be the nextCursor of the page before',
);

export const PARKED_FIELDS = {
  limit: wholeNumber({ min: 1, max: MAX_PARKED }, 100, 'Most pieces of one page'),
  cursor,
} as const;

const MAX = 5000;
const notificationNumber = 'must be a list of numbers of parked notifications';
const contactId = 'must be a list of contact ids of parked writes';

export const REPLAY_FIELDS = {
  all: flag('Everything that is parked'),
  notifications: z
    .array(
      z.coerce.number(notificationNumber).int(notificationNumber).positive(notificationNumber),
      notificationNumber,
    )
    .max(MAX, `may have at most ${MAX} values`)
    .default([])
    .meta({ description: 'Numbers of parked notifications' }),
  writes: z
    .array(z.string(contactId).min(1, contactId).max(200, contactId), contactId)
    .max(MAX, `may have at most ${MAX} values`)
    .default([])
    .meta({ description: 'Contact ids of parked writes' }),
  contacts: objectIds('contacts'),
  conversations: objectIds('conversations'),
} as const;

function objectIds(what: string) {
  const wrong = `must be a list of ids of parked ${what}`;
  return z
    .array(z.string(wrong).min(1, wrong).max(200, wrong), wrong)
    .max(MAX, `may have at most ${MAX} values`)
    .default([])
    .meta({ description: `Ids of parked ${what}: they are read again` });
}

/** Work that waits for a person, and putting it back into the flow. */
export function createParkedRoutes({ store, clock }: ParkedDeps): Hono {
  const routes = new Hono();
  routes.get('/API/intercom/parked', async (context) => {
    const read = await readGiven(context);
    if (read.kind === 'wrong') return refuseFields(context, read.problems);
    const reading = readQuery(PARKED_FIELDS, read.given, undefined, 'request');
    if (reading.kind === 'wrong') return refuseFields(context, reading.problems);
    const { limit, cursor: after } = reading.query;
    return context.json({ generatedAt: nowAt(clock), ...(await parkedPage(store, limit, after ?? null)) });
  });
  routes.post('/API/intercom/replay', (context) => replayParked(context, store, clock));
  return routes;
}

/** One page of what is parked, as the API and the command line show it. */
export async function parkedPage(
  store: Pick<Store, 'parked' | 'countParked'>,
  limit: number,
  after: string | null,
): Promise<{
  readonly total: number;
  readonly items: readonly z.output<typeof parkedItem>[];
  readonly nextCursor: string | null;
}> {
  const some = await store.parked({ limit: limit + 1, after });
  const items = some.slice(0, limit);
  const last = items.at(-1);
  return {
    total: await store.countParked(),
    items: items.map(describeParked),
    nextCursor: some.length > limit && last !== undefined ? parkedPlace(last) : null,
  };
}

async function replayParked(context: Context, store: ParkedDeps['store'], clock: Clock): Promise<Response> {
  const read = await readGiven(context);
  if (read.kind === 'wrong') return refuseFields(context, read.problems);
  const reading = readQuery(REPLAY_FIELDS, read.given, checkChoice, 'request');
  if (reading.kind === 'wrong') return refuseFields(context, reading.problems);
  const { all, notifications, writes, contacts, conversations } = reading.query;
  const objects = [
    ...contacts.map((id) => ({ kind: 'contact', id }) as const),
    ...conversations.map((id) => ({ kind: 'conversation', id }) as const),
  ];
  const what = all ? 'all' : { notifications, writes, objects };
  return context.json({ replayed: await store.replay(what, clock.nowMs()) });
}

interface Choice {
  readonly all?: boolean;
  readonly notifications?: readonly number[];
  readonly writes?: readonly string[];
  readonly contacts?: readonly string[];
  readonly conversations?: readonly string[];
}

/** Everything must be meant: a request that names nothing is more likely a mistake. */
function checkChoice({ all, ...named }: Choice): FieldProblem[] {
  const { notifications, writes, contacts, conversations } = named;
  if (all === undefined || notifications === undefined || writes === undefined) return [];
  if (contacts === undefined || conversations === undefined) return [];
  const names = notifications.length + writes.length + contacts.length + conversations.length;
  const others = 'notifications, writes, contacts or conversations';
  if (all && names > 0) return [{ field: 'all', message: `must not stand beside ${others}` }];
  if (all || names > 0) return [];
  return [{ field: 'all', message: `must be true, unless ${others} are named` }];
}

function describeParked(item: ParkedItem): z.output<typeof parkedItem> {
  const { kind, id, topic, attributes, reason, attempts, sinceMs } = item;
  return {
    kind,
    id,
    topic,
    attributes: [...attributes],
    reason,
    attempts,
    since: Math.floor(sinceMs / 1000),
  };
}
