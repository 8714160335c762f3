import type { WorkBell } from '../work-bell.js';
import type { Database } from './database.js';
import { createEngineTime, type EngineTime, type TimeSource } from './engine-time.js';
import { createInbox, type Inbox } from './inbox.js';
import { createScrubber, type Scrubber } from './payload-scrub.js';
import { createPersonMarks, type PersonMarks } from './person-marks.js';
import { createWebhookHours, type WebhookHours } from './webhook-hours.js';

/** What units of work are made of. */
export interface Parts {
  /** Its units are refused once the database is no longer as this process has opened it: see `guardUnits`. */
  readonly database: Database;
  /** For what is kept in any case, whoever works it off. */
  readonly unguarded: Database;
  /** Report time zone. */
  readonly timeZone: string;
  readonly time: EngineTime;
  readonly bell: WorkBell;
  readonly marks: PersonMarks;
  readonly scrubber: Scrubber;
  readonly hours: WebhookHours;
  readonly inbox: Inbox;
}

export interface PartsOptions extends Pick<Parts, 'database' | 'unguarded' | 'timeZone' | 'bell'> {
  readonly time: TimeSource;
}

export function createParts({ time: source, ...given }: PartsOptions): Parts {
  const time = createEngineTime(source);
  const marks = createPersonMarks();
  const scrubber = createScrubber(given.database, marks);
  const hours = createWebhookHours(given.unguarded);
  const inbox = createInbox({ time, bell: given.bell, hours, scrubber });
  return { ...given, time, marks, scrubber, hours, inbox };
}
