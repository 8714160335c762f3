import { nowAt, type Clock } from '../../clock.js';
import type { IntercomClient } from '../../intercom/client.js';
import type { DatabaseFacts } from '../../store/ports/database-facts.js';
import { whyNotTheSame } from '../../store/ports/service-settings.js';
import { checkClock, checkScopes, checkToken, checkWorkspace } from './check-access.js';
import { checkAttributes } from './check-attributes.js';
import { checkMachine } from './check-machine.js';
import { checkWebhooks } from './check-webhooks.js';
import { ok, warn, type Finding } from './finding.js';
import type { LocalService } from './local-service.js';

export interface Examination {
  readonly intercom: IntercomClient;
  readonly service: LocalService;
  readonly clock: Clock;
  readonly database: DatabaseFacts;
  readonly nodeVersion: string;
  readonly settings: {
    readonly intercomApiBase: string;
    readonly intercomVersion: string;
    readonly clientSecrets: readonly string[];
    readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
    readonly databasePath: string;
    readonly databaseUrl: string | null;
    readonly databaseConnections: number;
    readonly databaseReportConnections: number;
    readonly exportDir: string;
    readonly timeZone: string;
    readonly dryRun: boolean;
  };
  /** Makes missing contact attributes. Everything else is only looked at. */
  readonly fix: boolean;
  readonly freeBytes?: (directory: string) => number;
}

/** Checks everything that the service needs, in the order in which it is needed; a finding is told as it is made. */
export async function* examine(examination: Examination): AsyncGenerator<Finding> {
  const { intercom, settings, database, clock, freeBytes } = examination;
  yield checkBase(settings.intercomApiBase);
  yield* checkMachine({
    ...settings,
    database,
    nodeVersion: examination.nodeVersion,
    ...(freeBytes === undefined ? {} : { freeBytes }),
  });
  yield* checkSameSettings(settings, database);
  const { findings, workspaceId } = await checkToken(intercom, settings.intercomApiBase);
  yield* findings;
  if (workspaceId !== null) {
    yield checkWorkspace(workspaceId, database);
    yield await checkClock(intercom);
    yield* await checkScopes(intercom, nowAt(clock));
    const programs = Object.values(settings.eligibleProgramsByReferral);
    yield* await checkAttributes({ intercom, programs, fix: examination.fix });
  }
  yield* await checkWebhooks({ ...settings, service: examination.service, database, nowMs: clock.nowMs() });
}

/** Other commands refuse to work then; a start of the service takes the new ones over. */
function checkSameSettings(settings: Examination['settings'], database: DatabaseFacts): readonly Finding[] {
  if (database.kind !== 'found') return [];
  const why = whyNotTheSame({ timeZone: settings.timeZone, settings }, database);
  if (why === null) return [];
  const fix = "Run doctor with the service's own settings, or restart the service to change over to these";
  return [warn('settings', why, fix)];
}

function checkBase(apiBase: string): Finding {
  const { protocol, hostname } = new URL(apiBase);
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return protocol === 'https:' || isHere
    ? ok('settings', 'all that are needed are there and well-formed')
    : warn('settings', 'INTERCOM_API_BASE sends the token unencrypted', 'Use its https:// address');
}
