import { SUBSCRIBED_TOPICS } from '../../intercom/topics.js';
import type { DatabaseFacts } from '../../store/ports/database-facts.js';
import { fail, ok, warn, type Finding } from './finding.js';
import type { LocalService } from './local-service.js';

const WEBHOOKS = 'webhooks';
/** What the webhook's counters call a genuine notification. Not pings: doctor sends them itself. */
const GENUINE = ['stored', 'duplicate', 'ignored', 'unreadable'];

export interface WebhookCheck {
  readonly service: LocalService;
  readonly clientSecrets: readonly string[];
  readonly intercomVersion: string;
  readonly database: DatabaseFacts;
  readonly nowMs: number;
}

/** Whether the secret is right can't be asked of Intercom: only what it has sent so far tells. */
export async function checkWebhooks(check: WebhookCheck): Promise<readonly Finding[]> {
  return [
    ...(await checkSecret(check)),
    checkArrivals(check),
    ...checkOtherWorkspaces(check),
    ok(
      'webhook version',
      `calls use ${check.intercomVersion}: set the webhooks of the app in the Developer Hub to the same version (which ` +
        'they use can not be asked)',
    ),
  ];
}

async function checkSecret({ service, clientSecrets }: WebhookCheck): Promise<readonly Finding[]> {
  if (!(await service.isRunning())) {
    return [
      warn(
        WEBHOOKS,
        `no service answers at ${service.url}, so the secret was not tried`,
        'Start the service with the same settings, then run doctor again',
      ),
    ];
  }
  const counts = await service.webhookCounts();
  for (const secret of clientSecrets) {
    const status = await service.ping(secret);
    if (status === 200) continue;
    return [
      fail(
        WEBHOOKS,
        `the service at ${service.url} answers ${status} to a ping signed with INTERCOM_CLIENT_SECRET`,
        status === 401 ? 'Restart it: it runs with another secret' : 'Look into its log',
      ),
    ];
  }
  const refused = counts?.get('wrong_signature') ?? 0;
  const genuine = GENUINE.reduce((sum, result) => sum + (counts?.get(result) ?? 0), 0);
  if (refused === 0)
    return [ok(WEBHOOKS, `the service at ${service.url} takes what is signed with the secret`)];
  const sentence = `since the service was started ${refused} requests had a wrong signature, ${genuine} a right one`;
  const copy =
    'Copy the client secret again (Developer Hub, your app, Configure, Basic information) into INTERCOM_CLIENT_SECRET ' +
    'and restart the service';
  return [
    genuine === 0
      ? fail(WEBHOOKS, sentence, copy)
      : warn(
          WEBHOOKS,
          sentence,
          `If they come from Intercom: ${copy}; while it changes, both, comma separated`,
        ),
  ];
}

function checkArrivals({ database, nowMs }: WebhookCheck): Finding {
  const lastAtMs = database.kind === 'found' ? database.lastWebhookAtMs : null;
  if (lastAtMs === null) {
    return warn(
      WEBHOOKS,
      'no notification has ever been stored',
      'In the Developer Hub, your app, Webhooks, set the address https://<your host>/webhooks/intercom and the topics ' +
        SUBSCRIBED_TOPICS.join(', '),
    );
  }
  return ok(WEBHOOKS, `the last notification was stored ${describeAge(nowMs - lastAtMs)} ago`);
}

function checkOtherWorkspaces({ database, nowMs }: WebhookCheck): readonly Finding[] {
  const others = database.kind === 'found' ? database.otherWorkspaces : null;
  if (others === null) return [];
  const { count, lastAtMs, workspaces } = others;
  const many = count === 1 ? '1 notification came' : `${count} notifications came`;
  const ids = workspaces.map(({ id }) => id).join(', ');
  return [
    warn(
      WEBHOOKS,
      `${many} from other workspaces (${ids}), the last one ${describeAge(nowMs - lastAtMs)} ago: not used`,
      'Intercom sends the notifications of every workspace that has the app installed to this one address. Uninstall ' +
        'the app there, or give each workspace an app and a service of its own',
    ),
  ];
}

function describeAge(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
