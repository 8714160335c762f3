import {
  foldedTextsOf,
  foldText,
  formerTextsOf,
  markOf,
  MAX_MARKED_LENGTH,
  MAX_MARKS,
} from '../person-mark.js';
import type { Person } from '../plan/person.js';
import type { Connection } from './connection.js';
import type { Meta } from './meta.js';

/**
 * Recognizes people who were erased, without keeping who they were: of their e-mail, User ID and name only keyed hashes
 * stay, and of its id. A mark counts once its contact, or the one that it was merged into, has been deleted, and as long as it is.
 */
export interface PersonMarks {
  readonly remember: (contactId: string, person: Person) => void;
  /** The contact's own id, and those of contacts that were merged into it. */
  readonly rememberIds: (contactId: string, ids: readonly string[]) => void;
  /** What of `former` is not in `current` any more: older payloads call the person so. */
  readonly rememberFormer: (contactId: string, former: Person, current: Person) => void;
  /** Marks of a contact that was merged away go with the survivor. */
  readonly repoint: (fromId: string, toId: string) => void;
  /** True where `text`, the whole of a value in a payload, is the id, e-mail, User ID or name of an erased contact. */
  readonly isOfErased: (text: string) => boolean;
}

export function createPersonMarks({ sqlite }: Connection, meta: Meta): PersonMarks {
  const insert = sqlite.prepare<[string, string]>(
    'insert into person_marks (mark, contact_id) values (?, ?) on conflict do nothing',
  );
  const count = sqlite
    .prepare<[string], number>('select count(*) from person_marks where contact_id = ?')
    .pluck();
  const move = sqlite.prepare<[string, string]>(
    'update or replace person_marks set contact_id = ? where contact_id = ?',
  );
  const findMark = sqlite
    .prepare<[string], number>(
      // A cross join keeps this order: without statistics SQLite may walk all lifecycles for each text.
      `select 1 from person_marks cross join lifecycles
       where mark = ? and lifecycles.kind = 'contact' and lifecycles.id = contact_id and state = 'deleted' limit 1`,
    )
    .pluck();
  const isCoach = sqlite
    .prepare<{ text: string }, number>(
      'select 1 from coaches where lower(email) = @text or lower(name) = @text limit 1',
    )
    .pluck();

  let key: string | null = null;
  const mark = (folded: string): string => {
    key ??= meta.read('mark_key');
    if (key === null) throw new TypeError('marks are made before their key');
    return markOf(key, folded);
  };
  const add = (contactId: string, texts: readonly string[]): void => {
    if (texts.length === 0 || (count.get(contactId) ?? 0) >= MAX_MARKS) return;
    for (const text of texts) insert.run(mark(text), contactId);
  };

  return {
    remember: (contactId, person) => add(contactId, foldedTextsOf(person)),
    rememberIds: (contactId, ids) => {
      for (const id of ids) insert.run(mark(foldText(id)), contactId);
    },
    rememberFormer: (contactId, former, current) => add(contactId, formerTextsOf(former, current)),
    repoint: (fromId, toId) => {
      move.run(toId, fromId);
    },
    isOfErased: (text) => {
      if (text.length > MAX_MARKED_LENGTH) return false;
      const folded = foldText(text);
      if (folded === '' || findMark.get(mark(folded)) === undefined) return false;
      // A coach who was a contact too is named in every conversation, and stays.
      return isCoach.get({ text: folded }) === undefined;
    },
  };
}
