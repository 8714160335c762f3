import { AppError } from '../../errors.js';
import type { IntercomClient, ServerClock } from '../../intercom/client.js';
import type { CallOptions } from '../../intercom/send-call.js';
import { SCOPES, type Scope } from '../../intercom/scopes.js';
import { allMembers, conversationsChangedSince } from '../../intercom/search.js';
import { MAX_ERROR_MS } from '../time-check.js';
import type { DatabaseFacts } from '../../store/ports/database-facts.js';
import { fail, ok, warn, type Finding } from './finding.js';

export const CALL: CallOptions = { priority: 'soon' };

/** Where scopes are set, in Intercom's words. */
const PERMISSIONS = 'Developer Hub, your app, Configure, Authentication';

/** How far this machine's clock may be from Intercom's, whose answers have whole seconds. */
const MAX_CLOCK_ERROR_MS = 30_000;

/** An id that no contact has. */
const NOBODY = '0'.repeat(24);

export type TokenCheck = { readonly findings: readonly Finding[]; readonly workspaceId: string | null };

/** Members' dates are counted in REPORT_TIMEZONE, whatever this is. */
const NO_TIME_ZONE = warn(
  'workspace',
  'Intercom names no time zone of the workspace that is known here (app.timezone of GET /me): UTC is used to count',
  "Set it in Intercom's Settings, Workspace, General; members' dates are not concerned",
);

/** Without a good token nothing else can be asked: `workspaceId` is null then. */
export async function checkToken(intercom: IntercomClient, apiBase: string): Promise<TokenCheck> {
  try {
    const { id, timeZone, lacksTimeZone = false } = await intercom.readWorkspace(CALL);
    const accepted = ok('token', `Intercom takes it: workspace ${id}, time zone ${timeZone}`);
    return { findings: lacksTimeZone ? [accepted, NO_TIME_ZONE] : [accepted], workspaceId: id };
  } catch (error) {
    return { findings: [tokenProblem(error, apiBase)], workspaceId: null };
  }
}

function tokenProblem(error: unknown, apiBase: string): Finding {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'intercom_refused_token') {
    return fail(
      'token',
      `Intercom refuses INTERCOM_ACCESS_TOKEN (${error.status ?? 'no status'})`,
      `Copy the access token again (${PERMISSIONS}). A token of a European or Australian workspace works only with ` +
        'INTERCOM_API_BASE=https://api.eu.intercom.io or https://api.au.intercom.io',
    );
  }
  if (error.code === 'intercom_unreachable' || error.code === 'intercom_timeout') {
    return fail(
      'token',
      `Intercom can't be reached at ${apiBase} (${error.message})`,
      "Check INTERCOM_API_BASE, and this machine's name resolution, firewall and proxy",
    );
  }
  return fail(
    'token',
    `Intercom does not answer as it should (${error.message})`,
    'Check INTERCOM_API_BASE and INTERCOM_VERSION, and https://www.intercomstatus.com; then try again',
  );
}

/** Whether the database belongs to the token's workspace. */
export function checkWorkspace(workspaceId: string, database: DatabaseFacts): Finding {
  const bound = database.kind === 'found' ? database.workspaceId : null;
  if (bound === null) return ok('workspace', `the first start ties the database to ${workspaceId}`);
  if (bound === workspaceId) return ok('workspace', `the database is that of ${workspaceId}`);
  return fail(
    'workspace',
    `the database belongs to workspace ${bound}, the token to ${workspaceId}`,
    'Set INTERCOM_ACCESS_TOKEN to a token of the first, or DATABASE_PATH (DATABASE_URL) to a new database',
  );
}

/** Statuses change at midnight by this machine's clock, and events are ordered by Intercom's. */
export async function checkClock(intercom: IntercomClient): Promise<Finding> {
  const clock = await intercom.readClock(CALL);
  const errorMs = clockErrorMs(clock);
  if (errorMs === null) return ok('clock', 'not compared: the answer tells no time');
  if (Math.abs(errorMs) <= MAX_CLOCK_ERROR_MS) return ok('clock', "it agrees with Intercom's");
  const seconds = Math.round(Math.abs(errorMs) / 1000);
  const tell = Math.abs(errorMs) > MAX_ERROR_MS ? fail : warn;
  return tell(
    'clock',
    `this machine's clock is ${seconds} s ${errorMs > 0 ? 'fast' : 'slow'} compared with Intercom's`,
    'Let it be set from the network (timedatectl set-ntp true)',
  );
}

function clockErrorMs({ serverAtMs, sentAtMs, receivedAtMs }: ServerClock): number | null {
  // The answer's second began up to a second before it was made.
  return serverAtMs === null ? null : (sentAtMs + receivedAtMs) / 2 - (serverAtMs + 500);
}

/** Asks for each thing that the service will ask for, and answers one finding for each that is refused. */
export async function checkScopes(intercom: IntercomClient, nowAt: number): Promise<readonly Finding[]> {
  const probes: readonly (readonly [Scope, () => Promise<object>])[] = [
    [SCOPES.readContacts, () => intercom.searchContacts({ ...allMembers(), perPage: 1 }, CALL)],
    [
      SCOPES.readConversations,
      () => intercom.searchConversations({ ...conversationsChangedSince(nowAt), perPage: 1 }, CALL),
    ],
    [SCOPES.readAdmins, () => intercom.listAdmins(CALL)],
    // Changes nothing: there is no such contact, and it would be given no values.
    [SCOPES.writeContacts, () => intercom.updateContact(NOBODY, {}, CALL)],
  ];
  const problems: Finding[] = [];
  const oddities: Finding[] = [];
  for (const [scope, ask] of probes) {
    try {
      oddities.push(...oddPage(scope, await ask()));
    } catch (error) {
      problems.push(scopeProblem(scope, error));
    }
  }
  if (problems.length > 0) return problems;
  if (oddities.length > 0) return oddities;
  const reading = [SCOPES.readContacts, SCOPES.readConversations, SCOPES.readAdmins].join(', ');
  return [
    ok('permissions', `Intercom lets the app do: ${reading}`),
    ok(
      'permissions',
      `${SCOPES.writeContacts}: not refused for a contact that does not exist; only a real write proves it`,
    ),
  ];
}

/** A page from which a backfill or a sweep could not tell where the search ends, or what it shows. */
function oddPage(scope: Scope, answer: object): readonly Finding[] {
  if (!('totalCount' in answer) || !('nextCursor' in answer) || !('unreadable' in answer)) return [];
  const { totalCount, nextCursor, unreadable } = answer;
  const odd: string[] = [];
  if (totalCount === null) odd.push('total_count is missing');
  if (typeof totalCount === 'number' && totalCount > 1 && nextCursor === null)
    odd.push(`total_count is ${totalCount}, but pages.next names no next page`);
  if (Array.isArray(unreadable) && unreadable.length > 0) odd.push('an entry cannot be read');
  if (odd.length === 0) return [];
  return [
    warn(
      'search',
      `${scope}: ${odd.join('; ')}`,
      "Look whether a proxy in INTERCOM_API_BASE alters Intercom's answers; if not, ask Intercom",
    ),
  ];
}

/** The finding for a call that needs `scope` and failed with `error`. */
export function scopeProblem(scope: Scope, error: unknown): Finding {
  if (!(error instanceof AppError)) throw error;
  return error.code === 'intercom_refused_token'
    ? fail(
        'permissions',
        `Intercom does not let the app: ${scope}`,
        `Give the app the permission "${scope}" (${PERMISSIONS}), then copy its access token again if it has changed`,
      )
    : fail('permissions', `${scope}: could not be told (${error.message})`, 'Try again');
}
