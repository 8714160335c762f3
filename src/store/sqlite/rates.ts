import { claimCalls, describeRate, firstWindow, noteSettled } from '../plan/rate-window.js';
import type { ClaimedCalls, ClaimRequest, RateNote, SharedRate } from '../ports/replicas.js';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert } from './prepare-upsert.js';
import { rateWindows } from './schema.js';

/** Intercom's rate limit, for all processes on this database. */
export interface Rates {
  readonly claim: (request: ClaimRequest, processes: number) => ClaimedCalls;
  readonly note: (note: RateNote) => SharedRate;
}

/** The one row. */
const ID = 1;

export function createRates(connection: Connection): Rates {
  const { transact } = connection;
  const one = prepareRows(
    connection,
    rateWindows,
    (columns, table) => `select ${columns} from ${table} where id = ?`,
  );
  const put = prepareUpsert(connection, rateWindows, [rateWindows.id]);
  return {
    claim: ({ nowMs, ...request }, processes) =>
      transact(() => {
        const before = one.get(ID);
        const { state, claimed } = claimCalls(before ?? firstWindow(nowMs), nowMs, request, processes);
        put({ ...state, id: ID }, before ?? null);
        return claimed;
      }),
    note: ({ nowMs, settled }) =>
      transact(() => {
        const before = one.get(ID);
        const state = noteSettled(before ?? firstWindow(nowMs), nowMs, settled);
        put({ ...state, id: ID }, before ?? null);
        return describeRate(state, nowMs);
      }),
  };
}
