import { AppError } from '../errors.js';
import type { AttributeValue, ContactFacts, ConversationFacts } from '../rules/facts.js';
import type { MaintainedAttribute } from '../rules/vocabulary.js';
import { readAdmins, readPage, readWorkspace, type NamedWorkspace, type ReadEntry } from './answers.js';
import { readDataAttributes, type DataAttribute } from './data-attributes.js';
import { isId, isRecord, readId } from './json.js';
import { readContactObject, readLikelyOwner, readWholeContact, readWholeConversation } from './objects.js';
import { readAbsence, refusalOf, unreadable } from './refusals.js';
import { serverTimeMs } from './rate-headers.js';
import type { Search, SearchPage } from './search.js';
import {
  kindOf,
  sendCall,
  type Call,
  type CallOptions,
  type IntercomClientOptions,
  type TimedAnswer,
} from './send-call.js';

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
  readWorkspace(options: CallOptions): Promise<NamedWorkspace>;
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

/**
 * A client for one workspace. Each method makes one attempt and rejects with an `AppError` whose `retry` says what
 * becomes of it: `intercom_unreachable`, `intercom_timeout`, `intercom_unavailable` (408, 5xx), `intercom_rate_limited`
 * (with `retryAfterMs`), `intercom_refused_token` (401–403), `intercom_answer_unreadable`, `intercom_answer_too_large`
 * and `intercom_object_unreadable` (Intercom's answer, with a field that means nothing) are worth another try later, and
 * so is `intercom_waiting`: nothing was sent, because Intercom does not answer. `intercom_refused_request` (other 4xx)
 * and `intercom_not_found` are not: Intercom itself has said so in an `error.list`. `outcomeUnknown` marks writes that
 * may have taken effect all the same, `blame` whose fault it is; `stopped` is the caller's own signal.
 */
export function createIntercomClient(options: IntercomClientOptions): IntercomClient {
  const ask = async (call: Call, how: CallOptions): Promise<TimedAnswer> => {
    const answer = await sendCall(options, call, how);
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
    const body = bodyOf(answer, call);
    // What the answer to a write leaves out is of no interest.
    const read = call.method === 'GET' ? readWholeContact(body) : readContactObject(body);
    if (read.kind !== 'ok') throw unreadableObject(call, 'contact', read, body);
    return { kind: 'found', contact: read.contact, observedAtMs: answer.sentAtMs };
  };

  const searchPage = async <Item>(
    call: Call,
    how: CallOptions,
    key: string,
    readOne: (raw: unknown) => ReadEntry<Item>,
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
      if (workspace === null)
        throw unreadable(ME.label, 'the answer names no workspace (app.id_code)', kindOf(ME));
      return workspace;
    },
    readClock: async (how) => {
      const answer = await ask(ME, how);
      bodyOf(answer, ME);
      const { sentAtMs, receivedAtMs } = answer;
      return { serverAtMs: serverTimeMs(answer.headers), sentAtMs, receivedAtMs };
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
      const body = bodyOf(answer, call);
      const read = readWholeConversation(body);
      if (read.kind !== 'ok') throw unreadableObject(call, 'conversation', read, body);
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
        const read = readWholeContact(raw);
        if (read.kind === 'ok') return { kind: 'ok', item: read.contact };
        const id = read.kind === 'reference' ? read.id : null;
        return { kind: 'unreadable', id, field: read.field, likelyOwnerId: id };
      }),
    searchConversations: (search, how) =>
      searchPage(searchCall('conversations', search), how, 'conversations', (raw) => {
        const read = readWholeConversation(raw);
        if (read.kind === 'ok') return { kind: 'ok', item: read.conversation };
        const id = read.kind === 'reference' ? read.id : null;
        return { kind: 'unreadable', id, field: read.field, likelyOwnerId: readLikelyOwner(raw) };
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
    isSearch: true,
    body: { query, pagination, ...(sort === undefined ? {} : { sort }) },
  };
}

/** Intercom's own answer about the object, with something in it that means nothing to the rules. */
function unreadableObject(
  call: Call,
  kind: 'contact' | 'conversation',
  { field }: { readonly field: string },
  body: unknown,
): AppError {
  // Without the id that was asked for it is somebody else's answer.
  if (readId(isRecord(body) ? body['id'] : null) !== call.id)
    return unreadable(call.label, `the answer is no ${kind}`, kindOf(call));
  const likelyOwnerId = kind === 'contact' ? (call.id ?? null) : readLikelyOwner(body);
  return new AppError(
    'intercom_object_unreadable',
    'later',
    `${call.label}: ${field} of the ${kind} is missing or can't be read`,
    { outcomeUnknown: call.method === 'PUT', unreadable: { field, likelyOwnerId } },
  );
}

/** The body of a successful answer; every other one becomes its error. */
function bodyOf(answer: TimedAnswer, call: Call): unknown {
  const { status, blame } = answer;
  if (status < 200 || status > 299) throw refusalOf(answer, kindOf(call), blame);
  if (answer.body === undefined)
    throw unreadable(call.label, 'the answer is not JSON', kindOf(call), { status, blame });
  return answer.body;
}
