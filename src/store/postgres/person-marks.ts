import type { Person } from '../plan/person.js';
import {
  foldedTextsOf,
  foldText,
  formerTextsOf,
  markOf,
  MAX_MARKED_LENGTH,
  MAX_MARKS,
} from '../person-mark.js';
import type { Database, Query, Unit } from './database.js';
import { makeKey, readMeta } from './meta.js';

/** Recognizes people who were erased; see `person-mark.ts`. A mark counts as long as its contact is deleted. */
export interface PersonMarks {
  readonly remember: (unit: Unit, contactId: string, person: Person) => Promise<void>;
  /** The contact's own id, and those of contacts that were merged into it. */
  readonly rememberIds: (unit: Unit, contactId: string, ids: readonly string[]) => Promise<void>;
  readonly rememberFormer: (unit: Unit, contactId: string, former: Person, current: Person) => Promise<void>;
  /** Marks of a contact that was merged away go with the survivor. */
  readonly repoint: (unit: Unit, fromId: string, toId: string) => Promise<void>;
  /** Those of the texts, each the whole of a value in a payload, that name an erased contact. */
  readonly ofErased: (query: Query, texts: Iterable<string>) => Promise<ReadonlySet<string>>;
}

/** Makes the key of a new database. By itself: a work that is rolled back must not have marked anybody with it. */
export async function makeMarkKey(database: Database): Promise<void> {
  await database.unit((unit) => makeKey(unit, 'mark_key'), { isDurable: true });
}

export function createPersonMarks(): PersonMarks {
  let key: string | null = null;
  const readKey = async (query: Query): Promise<string> => {
    key ??= (await readMeta(query, ['mark_key'])).mark_key;
    if (key === null) throw new TypeError('marks are made before their key');
    return key;
  };
  const insert = async (unit: Unit, contactId: string, texts: readonly string[]): Promise<void> => {
    const own = await readKey(unit);
    await unit.run(
      `insert into person_marks (mark, contact_id) select unnest(@marks::text[]), @contactId::text
       on conflict do nothing`,
      { marks: texts.map((text) => markOf(own, text)), contactId },
    );
  };
  const add = async (unit: Unit, contactId: string, texts: readonly string[]): Promise<void> => {
    if (texts.length === 0) return;
    const [row] = await unit.rows<{ readonly known: number }>(
      'select count(*) as known from person_marks where contact_id = @contactId',
      { contactId },
    );
    if ((row?.known ?? 0) < MAX_MARKS) await insert(unit, contactId, texts);
  };

  return {
    remember: (unit, contactId, person) => add(unit, contactId, foldedTextsOf(person)),
    rememberIds: (unit, contactId, ids) => insert(unit, contactId, ids.map(foldText)),
    rememberFormer: (unit, contactId, former, current) =>
      add(unit, contactId, formerTextsOf(former, current)),
    repoint: async (unit, fromId, toId) => {
      await unit.run(
        `with moved as (delete from person_marks where contact_id = @fromId returning mark)
         insert into person_marks (mark, contact_id) select mark, @toId::text from moved on conflict do nothing`,
        { fromId, toId },
      );
    },
    ofErased: async (query, texts) => {
      const byMark = new Map<string, { readonly text: string; readonly folded: string }>();
      const own = await readKey(query);
      for (const text of texts) {
        if (text.length > MAX_MARKED_LENGTH) continue;
        const folded = foldText(text);
        if (folded !== '') byMark.set(markOf(own, folded), { text, folded });
      }
      if (byMark.size === 0) return new Set();
      const found = await query.rows<{ readonly mark: string }>(
        `select distinct mark from person_marks
         join lifecycles on lifecycles.kind = 'contact' and lifecycles.id = contact_id and state = 'deleted'
         where mark = any (@marks)`,
        { marks: [...byMark.keys()] },
      );
      if (found.length === 0) return new Set();
      const named = found.flatMap(({ mark }) => byMark.get(mark) ?? []);
      // A coach who was a contact too is named in every conversation, and stays.
      const coaches = await query.rows<{ readonly name: string | null; readonly email: string | null }>(
        `select lower(name) as name, lower(email) as email from coaches
         where lower(name) = any (@texts) or lower(email) = any (@texts)`,
        { texts: named.map(({ folded }) => folded) },
      );
      const kept = new Set(coaches.flatMap(({ name, email }) => [name, email]));
      return new Set(named.flatMap(({ text, folded }) => (kept.has(folded) ? [] : [text])));
    },
  };
}
