import { cutText, fold } from '../../rules/text.js';
import type { Channel } from '../../rules/vocabulary.js';
import type { SessionsInWindow } from '../ports/reports.js';
import type { Dialect } from './dialect.js';
import { channelName, text } from './read-values.js';
import { readRows, type Reading, type SqlValue } from './reading.js';

/** Coaches by id or name, as they are called at the moment of a question. */
export interface Coaches {
  idsOf(values: readonly string[]): string[];
  nameOf(id: string): string | null;
  /** What `usedInWindow` has found, with names. */
  sessionsOf(used: string): SessionsInWindow;
}

/** Reads the coaches, anew only when something may have changed since the last time. */
export function createCoachReader({ commitMark }: Pick<Dialect, 'commitMark'>): () => Reading<Coaches> {
  let last: { readonly mark: SqlValue | undefined; readonly coaches: Coaches } | null = null;
  return function* readCoaches() {
    const mark = commitMark === null ? undefined : (yield* readRows(commitMark))[0]?.[0];
    if (last !== null && mark !== undefined && last.mark === mark) return last.coaches;
    const rows = yield* readRows('select id, name from coaches');
    const coaches = createCoaches(new Map(rows.map(([id, name]) => [String(id), text(name)])));
    last = { mark, coaches };
    return coaches;
  };
}

function createCoaches(names: ReadonlyMap<string, string | null>): Coaches {
  const nameOf = (id: string): string | null => names.get(id) ?? null;
  return {
    idsOf: (values) => {
      const wanted = new Set(values.map(fold));
      const named = [...names].filter(([, name]) => name !== null && wanted.has(fold(name)));
      return [...new Set([...values.map((value) => cutText(value.trim())), ...named.map(([id]) => id)])];
    },
    nameOf,
    sessionsOf: (used) => {
      const { ids, channels } = readUsed(used);
      return { coachIds: ids, coachNames: ids.map((id) => nameOf(id) ?? id), channels };
    },
  };
}

interface UsedOnce {
  readonly coachId: string | null;
  readonly channel: Channel | null;
}

/** A coach's sessions over one channel are written alike in all rows: there are few such texts. */
const usedOnce = new Map<string, UsedOnce>();

/** `5210001:Phone,5210002:Chat,:Email`: neither ids nor channels hold a comma or a colon. */
function readUsed(used: string): { readonly ids: readonly string[]; readonly channels: readonly Channel[] } {
  const ids: string[] = [];
  const channels: Channel[] = [];
  for (const written of used === '' ? [] : used.split(',')) {
    const { coachId, channel } = usedOnce.get(written) ?? readUsedOnce(written);
    if (coachId !== null && !ids.includes(coachId)) ids.push(coachId);
    if (channel !== null && !channels.includes(channel)) channels.push(channel);
  }
  return { ids: sortTexts(ids), channels: sortTexts(channels) };
}

function readUsedOnce(written: string): UsedOnce {
  const [id = '', channel] = written.split(':');
  const used = { coachId: id === '' ? null : id, channel: channelName(channel) };
  usedOnce.set(written, used);
  return used;
}

function sortTexts<Text extends string>(texts: Text[]): Text[] {
  return texts.sort((one, other) => (one < other ? -1 : 1));
}
