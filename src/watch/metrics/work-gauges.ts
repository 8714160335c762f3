import { Counter, Gauge, type Registry } from 'prom-client';
import { AppError } from '../../errors.js';
import type { MetricsSources } from './metrics-sources.js';

type WorkSources = Pick<MetricsSources, 'store' | 'clock'>;

/** What waits, what is parked, and whether anything can be stored at all. */
export function addWorkGauges(registers: Registry[], { store, clock }: WorkSources): () => Promise<void> {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const writable = gauge('engagement_store_writable', '1 while notifications can be stored, else 0');
  const fit = gauge(
    'engagement_store_fit',
    '0 when the database file was moved, deleted or replaced, or taken over with other settings; else 1',
  );
  const waiting = gauge('engagement_inbox_waiting', 'Notifications stored and not handled yet');
  const age = gauge('engagement_inbox_oldest_seconds', 'Age of the oldest notification not handled yet');
  const parked = gauge('engagement_inbox_parked', 'Notifications that wait for a person');
  const writesWaiting = gauge(
    'engagement_writes_waiting',
    'Contacts whose changes have not reached Intercom yet',
  );
  const writesAge = gauge('engagement_writes_oldest_seconds', 'Age of the oldest change not in Intercom yet');
  const writesParked = gauge('engagement_writes_parked', 'Contacts whose changes wait for a person');
  const foughtOver = gauge(
    'engagement_attributes_fought_over',
    'Attributes of members that somebody else keeps changing back',
  );
  const objectsParked = gauge(
    'engagement_objects_parked',
    'Contacts and conversations that cannot be read for now',
  );
  const members = gauge('engagement_members', 'Members in the cache');
  const conversations = gauge('engagement_conversations', 'Conversations in the cache');
  const erasure = gauge(
    'engagement_erasure_age_seconds',
    'Age of the oldest deletion whose traces in payloads are still looked for; else 0',
  );
  const log = gauge(
    'engagement_store_log_bytes',
    'Size of the write-ahead log: it grows while a reader holds on to an old state',
  );
  const forced: Counter = new Counter({
    name: 'engagement_database_forced_writes_total',
    help: 'How often the disk was made to write what the database had given it: under load many events share one',
    registers,
    collect: () => {
      forced.reset();
      forced.inc(store.forcedWrites());
    },
  });

  return async () => {
    try {
      fit.set((await store.whyUnfit()) === null ? 1 : 0);
      writable.set((await store.canWrite()) ? 1 : 0);
      const backlog = await store.backlog(clock.nowMs());
      waiting.set(backlog.notificationsWaiting);
      age.set((backlog.oldestNotificationAgeMs ?? 0) / 1000);
      parked.set(backlog.notificationsParked);
      writesWaiting.set(backlog.writesWaiting);
      writesAge.set((backlog.oldestWriteAgeMs ?? 0) / 1000);
      writesParked.set(backlog.writesParked);
      foughtOver.set(backlog.attributesFoughtOver);
      objectsParked.set(backlog.objectsParked);
      members.set(backlog.members);
      conversations.set(backlog.conversations);
      erasure.set((backlog.erasureAgeMs ?? 0) / 1000);
      log.set(backlog.logBytes);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      // Just now these figures are wanted: the ones known last stay, and the first gauge says what is wrong.
      writable.set(0);
    }
  };
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'store_unavailable';
}
