import {
  claimCalls,
  describeRate,
  firstWindow,
  noteSettled,
  type RateWindowState,
} from '../plan/rate-window.js';
import type { ClaimedCalls, ClaimRequest, RateNote, SharedRate } from '../ports/replicas.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { TimePart } from './core-parts.js';
import type { Unit } from './database.js';
import { countAlive } from './replicas.js';
import { createTableRows } from './table-rows.js';

const WINDOWS = createTableRows(ALL_TABLES.rateWindows, ['id']);
/** The one row. */
const ID = 1;

/** See {@link ReplicaStore.claimCalls}. */
export async function claim(
  unit: Unit,
  time: TimePart,
  { nowMs: callerMs, ...request }: ClaimRequest,
): Promise<ClaimedCalls> {
  const { before, nowMs } = await readWindow(unit, time, callerMs);
  const { processes } = await countAlive(unit, nowMs);
  const { state, claimed } = claimCalls(before, nowMs, request, processes);
  await saveWindow(unit, state);
  return claimed;
}

/** See {@link ReplicaStore.noteRate}. */
export async function noteRate(
  unit: Unit,
  time: TimePart,
  { nowMs: callerMs, settled }: RateNote,
): Promise<SharedRate> {
  const { before, nowMs } = await readWindow(unit, time, callerMs);
  const state = noteSettled(before, nowMs, settled);
  await saveWindow(unit, state);
  return describeRate(state, nowMs);
}

/** The window, which nobody else changes until the end of the transaction, and the time after the wait for it. */
async function readWindow(
  unit: Unit,
  time: TimePart,
  callerMs: number,
): Promise<{ readonly before: RateWindowState; readonly nowMs: number }> {
  const find = () => WINDOWS.find(unit, 'id = @id for update', { id: ID });
  const [known] = await find();
  if (known !== undefined) return { before: known, nowMs: await time.at(unit, callerMs) };
  // Only once in the life of a database: whoever comes first makes the row, others wait for it and find it.
  await WINDOWS.put(unit, [{ ...firstWindow(await time.at(unit, callerMs)), id: ID }]);
  const [made] = await find();
  const nowMs = await time.at(unit, callerMs);
  return { before: made ?? firstWindow(nowMs), nowMs };
}

async function saveWindow(unit: Unit, state: RateWindowState): Promise<void> {
  await WINDOWS.put(unit, [{ ...state, id: ID }]);
}
