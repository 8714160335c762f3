import type { Json } from '../intercom/json.js';
import type { Context, Hono } from 'hono';
import { readSentAttributes, createAttribute } from './attributes.js';
import { changeContact, type ContactPatch } from './contacts.js';
import { presentContact, presentMergeHistory } from './present-contact.js';
import { presentConversation, presentWithParts } from './present-conversation.js';
import {
  presentAdmins,
  presentAttribute,
  presentConversationAttribute,
  presentMe,
  STANDARD_ATTRIBUTES,
  withDateType,
} from './present-others.js';
import type { AttributeModel, ContactRecord, ConversationRecord } from './records.js';
import { invalid, notFound, Refusal } from './refusal.js';
import { contactDialect, conversationDialect } from './search-fields.js';
import { isRecord } from '../intercom/json.js';
import { createSearchCache, search } from './search.js';
import { contactOf, conversationOf, type WorkspaceState } from './state.js';
import { isSince, type ApiVersion } from './versions.js';
import type { Workspace } from './workspace.js';

export interface SandboxEnv {
  Variables: { version: ApiVersion; body: unknown };
}

/** The endpoints that this product uses; any other answers 404. */
export function addRoutes(app: Hono<SandboxEnv>, workspace: Workspace): void {
  const { state } = workspace;
  const { settings } = state;
  const contactCache = createSearchCache<ContactRecord>();
  const conversationCache = createSearchCache<ConversationRecord>();

  app.get('/me', (c) => c.json(presentMe(state)));
  app.get('/admins', (c) => c.json(presentAdmins(state, c.var.version)));

  app.get('/contacts/:id', (c) => {
    const contact = reachableContact(state, c.req.param('id'), c.var.version);
    return c.json(presentFull(state, contact, c));
  });

  app.put('/contacts/:id', (c) => {
    const before = reachableContact(state, c.req.param('id'), c.var.version);
    const patch = readPatch(state, before, bodyOf(c), c.var.version);
    const after = changeContact(state, before, patch);
    const isNoOp = JSON.stringify({ ...after, updatedAt: 0 }) === JSON.stringify({ ...before, updatedAt: 0 });
    if (settings.echo === 'always' || (settings.echo === 'changes' && !isNoOp)) {
      state.notify(
        { kind: 'contact', topic: `contact.${after.role}.updated`, contact: after },
        state.nowAt(),
      );
    }
    return c.json(presentFull(state, after, c));
  });

  app.post('/contacts/search', (c) => {
    const answer = search(
      {
        shelf: state.contacts,
        dialect: contactDialect(state, c.var.version),
        defaultPerPage: 50,
        defaultSort: 'updated_at',
        isVisible: (contact) => settings.archivedInSearch || !contact.archived,
        cache: contactCache,
      },
      bodyOf(c),
    );
    return c.json({
      type: 'list',
      data: answer.items.map((contact) => presentFull(state, contact, c)),
      total_count: answer.totalCount,
      pages: answer.pages,
    });
  });

  app.get('/conversations/attributes', (c) => {
    if (!isSince(c.var.version, '2.16')) throw notFound('Resource Not Found');
    const listed = listedAttributes(state, 'conversation', c);
    return c.json({
      type: 'list',
      data: listed.map((attribute) => presentConversationAttribute(state, attribute)),
    });
  });

  app.get('/conversations/:id', (c) =>
    c.json(presentWithParts(state, conversationOf(state, c.req.param('id')), c.var.version)),
  );

  app.post('/conversations/search', (c) => {
    const answer = search(
      {
        shelf: state.conversations,
        dialect: conversationDialect(state),
        defaultPerPage: 20,
        defaultSort: 'updated_at',
        isVisible: () => true,
        cache: conversationCache,
      },
      bodyOf(c),
    );
    return c.json({
      type: 'conversation.list',
      pages: answer.pages,
      total_count: answer.totalCount,
      conversations: answer.items.map((conversation) =>
        presentConversation(state, conversation, c.var.version),
      ),
    });
  });

  app.get('/data_attributes', (c) => {
    const data = modelsOf(c).flatMap((model) => [
      ...STANDARD_ATTRIBUTES.filter((standard) => standard['model'] === model).map((standard) =>
        withDateType(standard, c.var.version),
      ),
      ...listedAttributes(state, model, c).map((attribute) =>
        withDateType(presentAttribute(state, model, attribute), c.var.version),
      ),
    ]);
    return c.json({ type: 'list', data });
  });

  app.post('/data_attributes', (c) => {
    const { model, ...attribute } = createAttribute(state, c.var.version, bodyOf(c));
    return c.json(withDateType(presentAttribute(state, model, attribute), c.var.version));
  });
}

/** 404 where the contact is gone; from 2.16 on 410 with a pointer where it was merged into another one. */
function reachableContact(state: WorkspaceState, id: string, version: ApiVersion): ContactRecord {
  const departed = state.departed.get(id);
  if (departed?.kind === 'merged' && isSince(version, '2.16')) {
    throw new Refusal(
      410,
      'contact_merged',
      "This contact has been merged. See the 'Link' header for the canonical contact.",
      { Link: `</contacts/${canonicalId(state, departed.intoId)}>; rel="canonical"` },
    );
  }
  const contact = contactOf(state, id);
  if (contact.archived && state.settings.archivedById === 'gone') throw notFound('User Not Found');
  return contact;
}

/** The end of a chain of merges, followed over three hops at most. */
function canonicalId(state: WorkspaceState, firstId: string): string {
  let id = firstId;
  for (let hops = 1; hops < 3; hops += 1) {
    const next = state.departed.get(id);
    if (next?.kind !== 'merged') break;
    id = next.intoId;
  }
  return id;
}

function presentFull(state: WorkspaceState, contact: ContactRecord, c: Context<SandboxEnv>): Json {
  const history = isSince(c.var.version, '2.16') && c.req.query('include_merge_history') === 'true';
  return {
    ...presentContact(contact, state.settings, c.var.version),
    ...(history ? presentMergeHistory(contact) : {}),
  };
}

function readPatch(
  state: WorkspaceState,
  before: ContactRecord,
  body: Readonly<Record<string, unknown>>,
  version: ApiVersion,
): ContactPatch {
  const { name, email, phone, external_id: externalId, unsubscribed_from_emails: unsubscribed } = body;
  if (isSince(version, '2.16') && 'email_verified' in body && !('email' in body)) {
    throw invalid('email_verified can only be sent together with email');
  }
  for (const [field, value] of Object.entries({ name, email, phone, external_id: externalId })) {
    if (value !== undefined && value !== null && typeof value !== 'string')
      throw invalid(`${field} must be a string`);
  }
  if (typeof externalId === 'string' && externalId !== before.externalId) {
    for (const other of state.contacts.values()) {
      if (other.externalId !== externalId || other.role !== 'user') continue;
      throw new Refusal(409, 'conflict', 'A contact matching those details already exists');
    }
  }
  return {
    ...(isText(name) ? { name } : {}),
    ...(isText(email) ? { email } : {}),
    ...(isText(phone) ? { phone } : {}),
    ...(isText(externalId) ? { externalId } : {}),
    ...(typeof unsubscribed === 'boolean' ? { unsubscribedFromEmails: unsubscribed } : {}),
    customAttributes: readSentAttributes(state, body['custom_attributes']),
  };
}

function isText(value: unknown): value is string | null {
  return typeof value === 'string' || value === null;
}

function bodyOf(c: Context<SandboxEnv>): Readonly<Record<string, unknown>> {
  if (!isRecord(c.var.body)) throw new Refusal(400, 'bad_request', 'The request body must be a JSON object');
  return c.var.body;
}

function modelsOf(c: Context<SandboxEnv>): readonly AttributeModel[] {
  const isOld = !isSince(c.var.version, '2.16');
  switch (c.req.query('model')) {
    case undefined:
      return isOld ? ['contact', 'company', 'conversation'] : ['contact', 'company'];
    case 'contact':
      return ['contact'];
    case 'company':
      return ['company'];
    case 'conversation':
      if (isOld) return ['conversation'];
      throw new Refusal(
        422,
        'parameter_invalid',
        'model=conversation is no longer supported. Use GET /conversations/attributes instead',
      );
    default:
      throw invalid('The Data Attribute model field must be either contact or company');
  }
}

function listedAttributes(state: WorkspaceState, model: AttributeModel, c: Context<SandboxEnv>) {
  const all = state.attributes[model];
  return c.req.query('include_archived') === 'true' ? all : all.filter((attribute) => !attribute.archived);
}
