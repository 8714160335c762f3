import { subjectOfKey } from '../ports/subject.js';
import type { CacheSlice, PlanStep, SliceDiff } from '../plan/slice.js';
import { eraseContact } from './erase.js';
import type { Tables } from './tables.js';

/** Saves what a plan changes of `slice`, in the transaction in which that was loaded. */
export function saveDiff(tables: Tables, slice: CacheSlice, diff: SliceDiff, nowMs: number): void {
  const { bell, contacts, conversations, fights, inbox, lifecycles, members, meta } = tables;
  const { outbox, parkedObjects, reportedMembers, writes } = tables;
  for (const step of diff.steps) takeStep(tables, step, nowMs);

  for (const key of diff.lifecycles.removed) lifecycles.forget(subjectOfKey(key));
  for (const row of diff.lifecycles.put) lifecycles.record(row);
  for (const id of diff.contacts.removed) contacts.remove(id);
  for (const row of diff.contacts.put) contacts.put(row, slice.contacts.get(row.id));
  conversations.remove(diff.conversations.removed);
  for (const row of diff.conversations.put) conversations.put(row, slice.conversations.get(row.id));
  for (const id of diff.members.removed) members.remove(id);
  for (const row of diff.members.put) members.put(row, slice.families.get(row.contactId)?.member);
  for (const row of diff.reportedMembers) reportedMembers.put(row);

  // An attribute has at most one waiting write: the old ones go before the new ones come.
  writes.markSent(diff.writes.sent, nowMs);
  writes.supersede(diff.writes.superseded, nowMs);
  writes.setBefores(diff.writes.befores);
  writes.countJoined(diff.writes.joined);
  for (const write of diff.writes.added) writes.add(write);
  for (const id of diff.outbox.removed) outbox.remove(id);
  for (const row of diff.outbox.put) outbox.put(row);
  fights.put(diff.fights, nowMs);

  for (const { kind, id } of diff.released) parkedObjects.release(kind, id);
  for (const reread of diff.rereads) inbox.addReread(reread);
  if (diff.changesReports) meta.renewDataVersion();
  for (const loop of diff.wakes) bell.ring(loop);
}

function takeStep(tables: Tables, step: PlanStep, nowMs: number): void {
  const { lifecycles, marks, parkedObjects } = tables;
  switch (step.kind) {
    case 'renamed':
      return marks.rememberFormer(step.contactId, step.former, step.current);
    case 'merged': {
      const { absorbedId, survivorId, absorbed } = step;
      parkedObjects.move(absorbedId, survivorId);
      lifecycles.repoint(absorbedId, survivorId);
      marks.repoint(absorbedId, survivorId);
      if (absorbed !== null) marks.remember(survivorId, absorbed);
      return;
    }
    case 'erased':
      return eraseContact(tables, step, nowMs);
  }
}
