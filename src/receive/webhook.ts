import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import type { Clock } from '../clock.js';
import { reasonOf } from '../work/backoff.js';
import { hashContent, isOfOtherWorkspace, readEnvelope, type Envelope } from '../intercom/notification.js';
import { verifySignature } from '../intercom/signature.js';
import { eventId, type Log } from '../log.js';
import type { Clients } from '../http/client-address.js';
import type { Metrics } from '../watch/metrics.js';
import { answerProblem } from '../http/problem.js';
import { BARE_HEADERS } from '../http/secure-headers.js';
import type { NewNotification } from '../store/ports/inbox.js';
import type { Store } from '../store/ports/store.js';
import { rememberWorkspaceId } from '../work/workspace-id.js';
import { createLongBodies } from './long-bodies.js';
import { createOtherWorkspaceTally } from './other-workspace-tally.js';
import { readBody } from './read-body.js';

export interface ReceiveDeps {
  readonly store: Pick<Store, 'storeNotification' | 'countWebhook' | 'noteOtherWorkspaces' | 'readWorkspace'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clients: Pick<Clients, 'keyOf'>;
  /** `INTERCOM_CLIENT_SECRET`: one, or two while rotating. */
  readonly clientSecrets: readonly string[];
}

/** Real notifications are some kilobytes; the longest conversations reach a few hundred. */
const MAX_BYTES = 5 * 1024 * 1024;
/** What is longer shares a place of its own in memory: anybody may send, and the signature is known only at the end. */
const SHORT_BYTES = 64 * 1024;
const MAX_LONG_BYTES = 16 * MAX_BYTES;

/**
 * `POST /webhooks/intercom`: type → size → signature over the raw bytes → stored on disk → 200, and nothing else.
 *
 * A notification of another workspace (`app_id`) is counted, and nothing else of it is stored.
 *
 * Never answers 410 (Intercom would disable the subscription) nor 429 (it would slow down for hours and drop
 * notifications); a body that is signed but unreadable is stored parked and answered 200, because a repetition would
 * not help. A request with a wrong signature leaves nothing but a count.
 */
export function createWebhookRoutes(deps: ReceiveDeps): Hono {
  const { metrics, log, clock } = deps;
  const ownWorkspaceId = rememberWorkspaceId(deps.store);
  const others = createOtherWorkspaceTally(deps);
  const count = (topic: string, result: string): void => metrics.webhooks.inc({ topic, result });
  const limits = { maxBytes: MAX_BYTES, shortBytes: SHORT_BYTES };
  const longBodies = createLongBodies({ freeBytes: SHORT_BYTES, maxBytes: MAX_LONG_BYTES });

  /** Type, size and signature; then what is genuine is stored. */
  const receive = async (context: Context): Promise<Response> => {
    const startedAtMs = clock.nowMs();
    const refuse = (result: string, status: 400 | 401 | 413 | 415 | 503, sentence: string): Response => {
      count('unknown', result);
      deps.store.countWebhook('refused', startedAtMs);
      if (status === 503) context.header('retry-after', '60');
      return answerProblem(context, status, sentence);
    };
    if (!isJson(context.req.header('content-type'))) {
      return refuse('not_json', 415, 'Send the notification as application/json.');
    }
    const reading = await readBody(context, limits, longBodies, () => deps.clients.keyOf(context));
    switch (reading.kind) {
      case 'too large':
        return refuse('too_large', 413, `A webhook body may have at most ${MAX_BYTES} bytes.`);
      case 'cut':
        return refuse('busy', 503, 'Too many long notifications at once; send it again.');
      case 'broken':
        return refuse('broken', 400, 'The body ended before its end.');
      case 'ok':
        break;
    }
    try {
      const { bytes } = reading;
      if (!verifySignature(bytes, context.req.header('x-hub-signature'), deps.clientSecrets)) {
        const sentence = 'X-Hub-Signature does not match the body and the client secret.';
        return refuse('wrong_signature', 401, sentence);
      }
      return await settleGenuine(context, bytes, startedAtMs);
    } finally {
      reading.release();
    }
  };

  const settleGenuine = async (
    context: Context,
    body: Uint8Array<ArrayBuffer>,
    startedAtMs: number,
  ): Promise<Response> => {
    const read = readEnvelope(body);
    const topic = read.kind === 'ok' ? read.envelope.knownTopic : 'unknown';
    /** Counts and logs what became of a genuine notification. */
    const settle = (result: string, event: string | null, error?: unknown): void => {
      count(topic, result);
      const line = {
        event: eventId(event),
        topic,
        result,
        bytes: body.length,
        ms: clock.nowMs() - startedAtMs,
      };
      if (error === undefined) log.info(line, 'webhook');
      else log.error({ ...line, reason: reasonOf(error), err: error }, 'webhook');
    };
    const appId = read.kind === 'ok' ? read.envelope.appId : null;
    const isPing = read.kind === 'ok' && read.envelope.interest === 'ping';
    if (!isPing && isOfOtherWorkspace(appId, await ownWorkspaceId())) {
      others.note(appId);
      settle('other_workspace', null);
      deps.store.countWebhook('ignored', startedAtMs);
      return context.body(null, 200, BARE_HEADERS);
    }
    if (read.kind === 'ok' && read.envelope.interest !== 'handle') {
      settle(read.envelope.interest === 'ping' ? 'ping' : 'ignored', read.envelope.id);
      deps.store.countWebhook('ignored', startedAtMs);
      return context.body(null, 200, BARE_HEADERS);
    }
    const notification = toStore(body, startedAtMs, read);
    try {
      const stored = await deps.store.storeNotification(notification);
      settle(notification.unreadable === null ? stored : 'unreadable', notification.dedupeKey);
      return context.body(null, 200, BARE_HEADERS);
    } catch (error) {
      settle('not_stored', notification.dedupeKey, error);
      deps.store.countWebhook('refused', startedAtMs);
      context.header('retry-after', '60');
      return answerProblem(context, 503, 'The notification could not be stored; send it again.');
    }
  };

  const routes = new Hono();
  // Intercom asks with HEAD when the address is saved in its Developer Hub (Hono serves HEAD through GET).
  routes.get('/', (context) =>
    context.text('This address receives signed Intercom webhooks by POST.\n', 200, BARE_HEADERS),
  );
  routes.post('/', receive);
  return routes;
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

function toStore(
  body: Uint8Array,
  receivedAtMs: number,
  read: ReturnType<typeof readEnvelope>,
): NewNotification {
  // Pings aside, only an unreadable body can lack an id: its own bytes then tell it from others.
  const bodyKey = (): string => `sha256:${createHash('sha256').update(body).digest('hex')}`;
  if (read.kind === 'unreadable') {
    return {
      dedupeKey: bodyKey(),
      topic: null,
      subject: null,
      lane: null,
      createdAt: null,
      receivedAtMs,
      body,
      hashContent: null,
      unreadable: read.why,
    };
  }
  const envelope: Envelope = read.envelope;
  return {
    dedupeKey: envelope.id ?? bodyKey(),
    topic: envelope.topic,
    subject: envelope.subject,
    lane: envelope.lane,
    createdAt: envelope.createdAt,
    receivedAtMs,
    body,
    hashContent,
    unreadable: envelope.subject === null ? `${envelope.topic}: no id in data.item` : null,
  };
}
