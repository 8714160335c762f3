import { createWorkBell, type WorkBell } from '../work-bell.js';
import type { Database } from './database.js';
import { createEngineTime, type EngineTime, type TimeSource } from './engine-time.js';
import { createInbox, type Inbox } from './inbox.js';
import { createScrubber, type Scrubber } from './payload-scrub.js';
import { createPersonMarks, type PersonMarks } from './person-marks.js';
import { createWebhookHours, type WebhookHours } from './webhook-hours.js';

/** What units of work are made of. */
export interface Parts {
  readonly database: Database;
  /** Report time zone. */
  readonly timeZone: string;
  readonly time: EngineTime;
  readonly bell: WorkBell;
  readonly marks: PersonMarks;
  readonly scrubber: Scrubber;
  readonly hours: WebhookHours;
  readonly inbox: Inbox;
}

export interface PartsOptions {
  readonly timeZone: string;
  /** Left out: the server's. */
  readonly time?: TimeSource | undefined;
}

export function createParts(database: Database, { timeZone, time: source = 'server' }: PartsOptions): Parts {
  const bell = createWorkBell();
  const time = createEngineTime(source);
  const marks = createPersonMarks();
  const scrubber = createScrubber(database, marks);
  const hours = createWebhookHours();
  const inbox = createInbox({ time, bell, hours, scrubber });
  return { database, timeZone, time, bell, marks, scrubber, hours, inbox };
}
