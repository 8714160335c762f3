import { subjectOfKey } from '../ports/subject.js';
import type { PlanStep, SliceDiff } from '../plan/slice.js';
import type { Unit } from './database.js';
import { eraseContact } from './erase.js';
import { putFights } from './fights.js';
import type { Parts } from './parts.js';
import { ROWS } from './row-sets.js';
import { saveWrites } from './writes.js';

/**
 * Saves what a plan changes, in the unit in which its slice was loaded. That reports answer otherwise is left to the
 * caller: everybody writes that row, so it comes last.
 */
export async function saveDiff(unit: Unit, parts: Parts, diff: SliceDiff, nowMs: number): Promise<void> {
  const { bell, inbox } = parts;
  for (const step of diff.steps) await takeStep(unit, parts, step, nowMs);

  const { lifecycles, contacts, conversations, members, outbox } = diff;
  await removeSubjects(unit, 'lifecycles', lifecycles.removed.map(subjectOfKey));
  await ROWS.lifecycles.put(unit, lifecycles.put);
  await remove(unit, 'delete from contacts where id = any (@ids)', contacts.removed);
  await ROWS.contacts.put(unit, contacts.put);
  await remove(unit, 'delete from conversations where id = any (@ids)', conversations.removed);
  await ROWS.conversations.put(unit, conversations.put);
  await remove(unit, 'delete from members where contact_id = any (@ids)', members.removed);
  await ROWS.members.put(unit, members.put);
  await ROWS.reportedMembers.put(unit, diff.reportedMembers);

  await saveWrites(unit, diff.writes, nowMs);
  await remove(unit, 'delete from outbox where contact_id = any (@ids)', outbox.removed);
  await ROWS.outbox.put(unit, outbox.put);
  await putFights(unit, diff.fights, nowMs);

  await removeSubjects(unit, 'parked_objects', diff.released);
  await inbox.addRereads(unit, diff.rereads);
  unit.afterCommit(() => {
    for (const loop of diff.wakes) bell.ring(loop);
  });
}

async function takeStep(unit: Unit, parts: Parts, step: PlanStep, nowMs: number): Promise<void> {
  const { marks } = parts;
  switch (step.kind) {
    case 'renamed':
      return marks.rememberFormer(unit, step.contactId, step.former, step.current);
    case 'merged': {
      const { absorbedId, survivorId, absorbed } = step;
      const ids = { absorbedId, survivorId };
      await unit.run(
        'update parked_objects set contact_id = @survivorId where contact_id = @absorbedId',
        ids,
      );
      await unit.run(
        'update lifecycles set merged_into_id = @survivorId where merged_into_id = @absorbedId',
        ids,
      );
      await marks.repoint(unit, absorbedId, survivorId);
      if (absorbed !== null) await marks.remember(unit, survivorId, absorbed);
      return;
    }
    case 'erased':
      return eraseContact(unit, parts, step, nowMs);
  }
}

async function remove(unit: Unit, statement: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await unit.run(statement, { ids });
}

async function removeSubjects(
  unit: Unit,
  table: 'lifecycles' | 'parked_objects',
  subjects: readonly { readonly kind: string; readonly id: string }[],
): Promise<void> {
  if (subjects.length === 0) return;
  await unit.run(
    `delete from ${table} where (kind, id) in (select * from unnest(@kinds::text[], @ids::text[]))`,
    { kinds: subjects.map(({ kind }) => kind), ids: subjects.map(({ id }) => id) },
  );
}
