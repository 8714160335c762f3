import type { Clock } from '../clock.js';
import { AppError, type Blame } from '../errors.js';
import type { AttributeValue, ContactFacts, ConversationFacts } from '../rules/facts.js';
import type { MaintainedAttribute } from '../rules/vocabulary.js';
import { readAdmins, readPage, readWorkspace } from './answers.js';
import type { Breaker, Pass } from './breaker.js';
import { enterBreaker, judgeAnswer } from './call-health.js';
import { readDataAttributes, type DataAttribute } from './data-attributes.js';
import { isId, parseJson } from './json.js';
import { readContactObject, readConversationObject } from './objects.js';
import type { CallPriority, RateAnswer, RateBudget } from './rate-budget.js';
import { readAbsence, refusalOf, scalarsIn, unreadable, type Answer } from './refusals.js';
import type { Search, SearchPage } from './search.js';

export interface CallOptions {
  readonly priority: CallPriority;
  readonly signal?: AbortSignal;
}

export type ContactAnswer =
  /** `observedAtMs`: when the request was sent. */
  | { readonly kind: 'found'; readonly contact: ContactFacts; readonly observedAtMs: number }
  | { readonly kind: 'gone' }
  /** `intoId` is null where Intercom doesn't say into whom. */
  | { readonly kind: 'merged'; readonly intoId: string | null };

export type ConversationAnswer =
  | { readonly kind: 'found'; readonly conversation: ConversationFacts; readonly observedAtMs: number }
  | { readonly kind: 'gone' };

/** The time on both ends of one call. */
export interface ServerClock {
  /** The answer's `Date`, which has whole seconds; null without one. */
  readonly serverAtMs: number | null;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

/** The look-ups and the writes this service makes. Every method rejects with an `AppError`. */
export interface IntercomClient {
  /** `GET /me`. */
  readWorkspace(options: CallOptions): Promise<{ readonly id: string; readonly timeZone: string }>;
  /** `GET /admins`. */
  listAdmins(
    options: CallOptions,
  ): Promise<readonly { readonly id: string; readonly name: string | null; readonly email: string | null }[]>;
  /** `GET /contacts/{id}`. */
  readContact(id: string, options: CallOptions): Promise<ContactAnswer>;
  /** `GET /conversations/{id}`. */
  readConversation(id: string, options: CallOptions): Promise<ConversationAnswer>;
  /** `PUT /contacts/{id}` with these custom attributes only; answers the contact as Intercom holds it afterwards. */
  updateContact(
    id: string,
    attributes: Readonly<Partial<Record<MaintainedAttribute, AttributeValue>>>,
    options: CallOptions,
  ): Promise<ContactAnswer>;
  /** `POST /contacts/search`, one page. */
  searchContacts(search: Search, options: CallOptions): Promise<SearchPage<ContactFacts>>;
  /** `POST /conversations/search`, one page. */
  searchConversations(search: Search, options: CallOptions): Promise<SearchPage<ConversationFacts>>;
  /** `GET /me`, for what its headers say of the time. */
  readClock(options: CallOptions): Promise<ServerClock>;
  /** `GET /data_attributes` of contacts, archived ones too. */
  listContactAttributes(options: CallOptions): Promise<readonly DataAttribute[]>;
  /** `GET /data_attributes` up to 2.15, `GET /conversations/attributes` from 2.16 on; archived ones too. */
  listConversationAttributes(options: CallOptions): Promise<readonly DataAttribute[]>;
  /**
   * `POST /data_attributes` for contacts. Not for browsers to write. Rejects `intercom_refused_request` when the name is
   * taken, by an archived attribute or one of another model too.
   */
  createContactAttribute(
    attribute: { readonly name: string; readonly dataType: 'date' | 'string' },
    options: CallOptions,
  ): Promise<void>;
}

/** One call that was sent, for metrics. */
export interface FinishedCall {
  /** Method and path without ids. */
  readonly label: string;
  /** Null when no answer came. */
  readonly status: number | null;
  readonly ms: number;
}

export interface IntercomClientOptions {
  /** `https://api.intercom.io`, or that of another region, a proxy or the sandbox. */
  readonly apiBase: string;
  readonly token: string;
  /** `Intercom-Version` header. */
  readonly version: string;
  /** Shared by all clients of one workspace. */
  readonly budget: RateBudget;
  /** Shared likewise. Left out by what asks each thing once and reports what it is told. */
  readonly breaker?: Breaker;
  readonly clock: Clock;
  /** For one call, from sending it to the last byte of its answer; waiting for the rate budget doesn't count. */
  readonly timeoutMs?: number;
  readonly userAgent?: string;
  /** Told of every call that was sent, whatever became of it. */
  readonly onCall?: (call: FinishedCall) => void;
}

const TIMEOUT_MS = 10_000;
/** All that wait for the end of an outage wait for its probe. */
const PROBE_TIMEOUT_MS = 4000;
const MOST_ANSWER_BYTES = 20_000_000;

interface TimedAnswer extends Answer {
  readonly sentAtMs: number;
  /** Of an answer that is none of Intercom's own. */
  readonly blame: Blame | null;
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  /** Method and path without ids. */
  readonly label: string;
  readonly body?: unknown;
  /** The id in the path. */
  readonly id?: string;
  /** The attributes that are sent. */
  readonly names?: readonly string[];
}

/**
 * A client for one workspace. Each method makes one attempt and rejects with an `AppError` whose `retry` says what
 * becomes of it: `intercom_unreachable`, `intercom_timeout`, `intercom_unavailable` (408, 5xx), `intercom_rate_limited`
 * (with `retryAfterMs`), `intercom_refused_token` (401–403) and `intercom_answer_unreadable` are worth another try
 * later, and so is `intercom_waiting`: nothing was sent, because Intercom does not answer. `intercom_refused_request`
 * (other 4xx) and `intercom_not_found` are not: Intercom itself has said so in an `error.list`. `outcomeUnknown` marks
 * writes that may have taken effect all the same, `blame` whose fault it is; `stopped` is the caller's own signal.
 */
export function createIntercomClient(options: IntercomClientOptions): IntercomClient {
  const ask = async (call: Call, how: CallOptions): Promise<TimedAnswer> => {
    const answer = await send(options, call, how);
    if (answer.status !== 429) return answer;
    const { pausedUntilMs } = options.budget.snapshot();
    throw new AppError('intercom_rate_limited', 'later', `${call.label}: over Intercom's rate limit`, {
      status: 429,
      blame: 'outage',
      retryAfterMs: Math.max(0, (pausedUntilMs ?? 0) - options.clock.nowMs()),
    });
  };

  const contactAnswer = async (call: Call, how: CallOptions): Promise<ContactAnswer> => {
    const answer = await ask(call, how);
    const absence = readAbsence(answer);
    if (absence !== null) return absence;
    const read = readContactObject(bodyOf(answer, call));
    if (read.kind !== 'ok') throw unreadable(call.label, 'the answer is no contact', kindOf(call));
    // What a full answer lacks, the contact lacks.
    return { kind: 'found', contact: read.contact, observedAtMs: answer.sentAtMs };
  };

  const searchPage = async <Item>(
    call: Call,
    how: CallOptions,
    key: string,
    readOne: (raw: unknown) => Item | null,
  ): Promise<SearchPage<Item>> => {
    const page = readPage(bodyOf(await ask(call, how), call), key, readOne);
    if (page === null) throw unreadable(call.label, 'the answer is no page of results', kindOf(call));
    return page;
  };

  const listAttributes = async (path: string, how: CallOptions): Promise<DataAttribute[]> => {
    const call: Call = { method: 'GET', path, label: `GET ${path.replace(/\?.*/, '')}` };
    const listed = readDataAttributes(bodyOf(await ask(call, how), call));
    if (listed === null) throw unreadable(call.label, 'the answer is no list of attributes', kindOf(call));
    return listed;
  };

  return {
    readWorkspace: async (how) => {
      const workspace = readWorkspace(bodyOf(await ask(ME, how), ME));
      if (workspace === null) throw unreadable(ME.label, 'the answer names no workspace', kindOf(ME));
      return workspace;
    },
    readClock: async (how) => {
      const answer = await ask(ME, how);
      bodyOf(answer, ME);
      const serverAtMs = Date.parse(answer.headers.get('date') ?? '');
      const { sentAtMs, receivedAtMs } = answer;
      return { serverAtMs: Number.isNaN(serverAtMs) ? null : serverAtMs, sentAtMs, receivedAtMs };
    },
    listAdmins: async (how) => {
      const call: Call = { method: 'GET', path: '/admins', label: 'GET /admins' };
      const admins = readAdmins(bodyOf(await ask(call, how), call));
      if (admins === null) throw unreadable(call.label, 'the answer is no list of admins', kindOf(call));
      return admins;
    },
    readContact: async (id, how) => contactAnswer(objectCall('GET', 'contacts', id), how),
    readConversation: async (id, how) => {
      const call = objectCall('GET', 'conversations', id);
      const answer = await ask(call, how);
      // Only contacts are merged into each other; a conversation that isn't there is gone.
      if (readAbsence(answer) !== null) return { kind: 'gone' };
      const read = readConversationObject(bodyOf(answer, call));
      if (read.kind !== 'ok') throw unreadable(call.label, 'the answer is no conversation', kindOf(call));
      return { kind: 'found', conversation: read.conversation, observedAtMs: answer.sentAtMs };
    },
    updateContact: async (id, attributes, how) =>
      contactAnswer(
        {
          ...objectCall('PUT', 'contacts', id),
          body: { custom_attributes: attributes },
          names: Object.keys(attributes),
        },
        how,
      ),
    searchContacts: (search, how) =>
      searchPage(searchCall('contacts', search), how, 'data', (raw) => {
        const read = readContactObject(raw);
        return read.kind === 'ok' ? read.contact : null;
      }),
    searchConversations: (search, how) =>
      searchPage(searchCall('conversations', search), how, 'conversations', (raw) => {
        const read = readConversationObject(raw);
        return read.kind === 'ok' ? read.conversation : null;
      }),
    listContactAttributes: (how) =>
      listAttributes('/data_attributes?model=contact&include_archived=true', how),
    listConversationAttributes: (how) =>
      listAttributes(
        // From 2.16 on the old address refuses this model.
        /^2\.(?:\d|1[0-5])$/.test(options.version)
          ? '/data_attributes?model=conversation&include_archived=true'
          : '/conversations/attributes?include_archived=true',
        how,
      ),
    createContactAttribute: async ({ name, dataType }, how) => {
      const body = { name, model: 'contact', data_type: dataType, messenger_writable: false };
      const call: Call = { method: 'POST', path: '/data_attributes', label: 'POST /data_attributes', body };
      bodyOf(await ask(call, how), call);
    },
  };
}

const ME: Call = { method: 'GET', path: '/me', label: 'GET /me' };

function objectCall(method: 'GET' | 'PUT', list: 'contacts' | 'conversations', id: string): Call {
  const label = `${method} /${list}/{id}`;
  if (!isId(id))
    throw new AppError('intercom_refused_request', 'never', `${label}: this is no id of Intercom's`);
  return { method, path: `/${list}/${encodeURIComponent(id)}`, label, id };
}

function searchCall(list: 'contacts' | 'conversations', search: Search): Call {
  const { query, perPage, cursor, sort } = search;
  const pagination =
    // An empty cursor makes Intercom fail instead of being taken for none.
    cursor === null || cursor === '' ? { per_page: perPage } : { per_page: perPage, starting_after: cursor };
  const path = `/${list}/search`;
  return {
    method: 'POST',
    path,
    label: `POST ${path}`,
    body: { query, pagination, ...(sort === undefined ? {} : { sort }) },
  };
}

function kindOf(call: Call): Parameters<typeof refusalOf>[1] {
  return {
    isWrite: call.method === 'PUT',
    names: call.names ?? [],
    values: [...(call.id === undefined ? [] : [call.id]), ...scalarsIn(call.body)],
  };
}

/** The body of a successful answer; every other one becomes its error. */
function bodyOf(answer: TimedAnswer, call: Call): unknown {
  const { status, blame } = answer;
  if (status < 200 || status > 299) throw refusalOf(answer, kindOf(call), blame);
  if (answer.body === undefined)
    throw unreadable(call.label, 'the answer is not JSON', kindOf(call), { status, blame });
  return answer.body;
}

async function send(options: IntercomClientOptions, call: Call, how: CallOptions): Promise<TimedAnswer> {
  const { clock, budget } = options;
  const permit = await budget.acquire(how.priority, how.signal);
  const pass = enterBreaker(options.breaker, call, permit);
  const timeoutMs = Math.min(
    options.timeoutMs ?? TIMEOUT_MS,
    pass?.isProbe === true ? PROBE_TIMEOUT_MS : Infinity,
  );
  const sentAtMs = clock.nowMs();
  const timeout = new AbortController();
  const done = new AbortController();
  let seen: RateAnswer | null = null;
  void abortAfter(clock, timeoutMs, timeout, done.signal);
  try {
    const response = await fetch(`${options.apiBase.replace(/\/+$/, '')}${call.path}`, {
      method: call.method,
      headers: {
        Authorization: `Bearer ${options.token}`,
        'Intercom-Version': options.version,
        Accept: 'application/json',
        'User-Agent': options.userAgent ?? 'intercom-engagement',
        ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      // Following one would hand the token to another address.
      redirect: 'manual',
      signal: AbortSignal.any([timeout.signal, ...(how.signal === undefined ? [] : [how.signal])]),
    });
    const { status, headers } = response;
    seen = { status, headers, receivedAtMs: clock.nowMs() };
    const bytes = await readBytes(response, call);
    const parsed = parseJson(bytes);
    const body = parsed.kind === 'ok' ? parsed.value : undefined;
    const answer = { label: call.label, body, sentAtMs, ...seen };
    return { ...answer, blame: judgeAnswer(pass, answer, kindOf(call)) };
  } catch (error) {
    throw callFailure(error, call, {
      isStopped: how.signal?.aborted === true,
      isLate: timeout.signal.aborted,
      timeoutMs,
      pass,
    });
  } finally {
    done.abort();
    permit.settle(seen);
    pass?.abandon();
    options.onCall?.({ label: call.label, status: seen?.status ?? null, ms: clock.nowMs() - sentAtMs });
  }
}

async function abortAfter(
  clock: Clock,
  delayMs: number,
  target: AbortController,
  done: AbortSignal,
): Promise<void> {
  await clock.sleep(delayMs, done);
  if (!done.aborted) target.abort();
}

/** The whole body, unless it is longer than any answer of Intercom's should be. */
async function readBytes(response: Response, call: Call): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MOST_ANSWER_BYTES)
      throw unreadable(call.label, `the answer is longer than ${MOST_ANSWER_BYTES} bytes`, kindOf(call));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function callFailure(
  error: unknown,
  call: Call,
  how: {
    readonly isStopped: boolean;
    readonly isLate: boolean;
    readonly timeoutMs: number;
    readonly pass: Pass | null;
  },
): AppError {
  if (error instanceof AppError) return error;
  const { label } = call;
  const options = { cause: error, outcomeUnknown: call.method === 'PUT' };
  if (how.isStopped) return new AppError('stopped', 'later', `${label}: stopped`, options);
  const [code, message] = how.isLate
    ? (['intercom_timeout', `${label}: no answer within ${how.timeoutMs} ms`] as const)
    : (['intercom_unreachable', `${label}: Intercom can't be reached${causeOf(error)}`] as const);
  const blame = how.pass?.fail(`${code}: ${message}`) ?? null;
  return new AppError(code, 'later', message, { ...options, blame });
}

/** ` (ECONNREFUSED)`: fetch tells only in its error's cause what went wrong. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? ` (${cause.code})`
    : '';
}
