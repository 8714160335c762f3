import { createHash } from 'node:crypto';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Clock } from '../clock.js';
import { reasonOf } from '../backoff.js';
import { isOfOtherWorkspace, readEnvelope, type Envelope } from '../intercom/notification.js';
import { verifySignature } from '../intercom/signature.js';
import { eventId, type Log } from '../log.js';
import type { Metrics } from '../operate/metrics.js';
import { answerProblem } from '../operate/problem.js';
import { BARE_HEADERS } from '../operate/secure-headers.js';
import type { NewNotification, Store } from '../store/store.js';
import { rememberWorkspaceId } from '../workspace-id.js';
import { createOtherWorkspaceTally } from './other-workspace-tally.js';

export interface ReceiveDeps {
  readonly store: Pick<Store, 'storeNotification' | 'noteOtherWorkspaces' | 'readWorkspace'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** `INTERCOM_CLIENT_SECRET`: one, or two while rotating. */
  readonly clientSecrets: readonly string[];
}

/** Real notifications are some kilobytes; the longest conversations reach a few hundred. */
const MOST_BYTES = 5 * 1024 * 1024;
/** What is longer shares a place of its own in memory: anybody may send, and the signature is known only at the end. */
const SHORT_BYTES = 64 * 1024;
const MOST_LONG_BYTES = 16 * MOST_BYTES;

/**
 * `POST /webhooks/intercom`: size → type → signature over the raw bytes → stored on disk → 200, and nothing else.
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
  const routes = new Hono();
  routes.use(limitLongBodies(() => count('unknown', 'busy')));

  // Intercom asks with HEAD when the address is saved in its Developer Hub (Hono serves HEAD through GET).
  routes.get('/', (context) =>
    context.text('This address receives signed Intercom webhooks by POST.\n', 200, BARE_HEADERS),
  );

  routes.post(
    '/',
    limitBody((context) => {
      count('unknown', 'too_large');
      return answerProblem(context, 413, `A webhook body may have at most ${MOST_BYTES} bytes.`);
    }),
    async (context) => {
      const startedAtMs = clock.nowMs();
      if (!isJson(context.req.header('content-type'))) {
        count('unknown', 'not_json');
        return answerProblem(context, 415, 'Send the notification as application/json.');
      }
      const body = new Uint8Array(await context.req.arrayBuffer());
      if (!verifySignature(body, context.req.header('x-hub-signature'), deps.clientSecrets)) {
        count('unknown', 'wrong_signature');
        return answerProblem(context, 401, 'X-Hub-Signature does not match the body and the client secret.');
      }
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
        return context.body(null, 200, BARE_HEADERS);
      }
      if (read.kind === 'ok' && read.envelope.interest !== 'handle') {
        settle(read.envelope.interest === 'ping' ? 'ping' : 'ignored', read.envelope.id);
        return context.body(null, 200, BARE_HEADERS);
      }
      const notification = toStore(body, startedAtMs, read);
      try {
        const stored = await deps.store.storeNotification(notification);
        settle(notification.unreadable === null ? stored : 'unreadable', notification.dedupeKey);
        return context.body(null, 200, BARE_HEADERS);
      } catch (error) {
        settle('not_stored', notification.dedupeKey, error);
        context.header('retry-after', '60');
        return answerProblem(context, 503, 'The notification could not be stored; send it again.');
      }
    },
  );
  return routes;
}

/**
 * Hono's own limit touches the body as a stream, which costs as much as all the rest of a request. Where the length is
 * declared Node's parser holds the sender to it, so looking at the header is enough.
 */
function limitBody(refuse: (context: Context) => Response): MiddlewareHandler {
  const limitStream = bodyLimit({ maxSize: MOST_BYTES, onError: refuse });
  return async (context, next) => {
    const declared = context.req.header('content-length');
    if (declared === undefined || context.req.header('transfer-encoding') !== undefined) {
      return limitStream(context, next);
    }
    return Number(declared) > MOST_BYTES ? refuse(context) : next();
  };
}

/** So many long bodies at once that memory could run out are asked to come again. */
function limitLongBodies(refused: () => void): MiddlewareHandler {
  let inHandBytes = 0;
  return async (context, next) => {
    const isChunked = context.req.header('transfer-encoding') !== undefined;
    // A request that says neither has no body.
    const declared = Number(context.req.header('content-length') ?? 0);
    const bytes = isChunked ? MOST_BYTES : Math.min(declared, MOST_BYTES);
    if (context.req.method !== 'POST' || bytes <= SHORT_BYTES) return next();
    if (inHandBytes + bytes > MOST_LONG_BYTES) {
      refused();
      context.header('retry-after', '60');
      return answerProblem(context, 503, 'Too many long notifications at once; send it again.');
    }
    inHandBytes += bytes;
    try {
      await next();
    } finally {
      inHandBytes -= bytes;
    }
  };
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
      contentHash: null,
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
    contentHash: read.contentHash,
    unreadable: envelope.subject === null ? `${envelope.topic}: no id in data.item` : null,
  };
}
