import type { Json } from '../intercom/json.js';
import type { AdminRecord, AttributeModel, AttributeRecord } from './records.js';
import type { WorkspaceState } from './state.js';
import { isSince, type ApiVersion } from './versions.js';

const AVATAR_URL = 'https://static.sandbox.example/avatars/128.png';

/** `GET /me` (schema `admin_with_app`): the admin who made the token, with the workspace. */
export function presentMe(state: WorkspaceState): Json {
  const [admin] = state.admins;
  return {
    type: 'admin',
    id: String(admin?.id ?? 0),
    email: admin?.email ?? '',
    name: admin?.name ?? '',
    job_title: admin?.jobTitle ?? '',
    away_mode_enabled: false,
    away_mode_reassign: false,
    has_inbox_seat: true,
    team_ids: [],
    email_verified: true,
    app: {
      type: 'app',
      id_code: state.settings.appId,
      name: 'Sandbox Coaching',
      created_at: 1_577_836_800,
      secure: false,
      identity_verification: false,
      timezone: 'shownTimeZone' in state.settings ? state.settings.shownTimeZone : state.settings.timeZone,
      region: 'US',
    },
    avatar: { type: 'avatar', image_url: AVATAR_URL },
  };
}

/** `GET /admins` (schema `admin_list`). 2.11 documents the avatar as an object, the others as an address. */
export function presentAdmins(state: WorkspaceState, version: ApiVersion): Json {
  const one = (admin: AdminRecord): Json => ({
    type: 'admin',
    email: admin.email,
    id: String(admin.id),
    name: admin.name,
    job_title: admin.jobTitle,
    away_mode_enabled: false,
    away_mode_reassign: false,
    has_inbox_seat: true,
    team_ids: [],
    avatar: version === '2.11' ? { image_url: AVATAR_URL } : AVATAR_URL,
    ...(isSince(version, '2.16') ? { role: { type: 'role', id: '1', name: 'Coach' } } : {}),
  });
  return { type: 'admin.list', admins: state.admins.map(one) };
}

/** A `data_attribute`. */
export function presentAttribute(
  state: WorkspaceState,
  model: AttributeModel,
  attribute: AttributeRecord,
): Json {
  return {
    type: 'data_attribute',
    id: attribute.id,
    name: attribute.name,
    full_name: `custom_attributes.${attribute.name}`,
    label: attribute.name,
    description: attribute.description,
    data_type: attribute.dataType,
    ...(attribute.options === null ? {} : { options: attribute.options }),
    api_writable: attribute.apiWritable,
    messenger_writable: attribute.messengerWritable,
    ui_writable: true,
    custom: true,
    archived: attribute.archived,
    admin_id: String(state.admins[0]?.id ?? 0),
    created_at: attribute.createdAt,
    updated_at: attribute.updatedAt,
    model,
  };
}

/** From 2.17 on dates of contacts are of type `datetime`. */
export function withDateType(attribute: Json, version: ApiVersion): Json {
  const isDate = attribute['model'] === 'contact' && attribute['data_type'] === 'date';
  return isDate && isSince(version, '2.17') ? { ...attribute, data_type: 'datetime' } : attribute;
}

/** Some of the attributes that every workspace has; they carry no id. */
export const STANDARD_ATTRIBUTES: readonly Json[] = (
  [
    ['name', 'Name', 'string', 'contact'],
    ['email', 'Email', 'string', 'contact'],
    ['external_id', 'User ID', 'string', 'contact'],
    ['created_at', 'First seen', 'date', 'contact'],
    ['name', 'Company name', 'string', 'company'],
    ['company_id', 'Company ID', 'string', 'company'],
  ] as const
).map(([name, label, dataType, model]) => ({
  type: 'data_attribute',
  name,
  full_name: name,
  label,
  description: label,
  data_type: dataType,
  api_writable: dataType === 'string',
  messenger_writable: false,
  ui_writable: false,
  custom: false,
  archived: false,
  model,
}));

const CONVERSATION_TYPES = {
  string: 'string',
  integer: 'integer',
  float: 'decimal',
  boolean: 'boolean',
  date: 'datetime',
} as const;

/** An item of `GET /conversations/attributes` (2.16+, schema `conversation_attribute`). */
export function presentConversationAttribute(state: WorkspaceState, attribute: AttributeRecord): Json {
  const isList = attribute.options !== null;
  return {
    type: 'conversation_attribute',
    id: attribute.id,
    name: attribute.name,
    description: attribute.description,
    data_type: isList ? 'list' : CONVERSATION_TYPES[attribute.dataType],
    required: false,
    visible_to_team_ids: [],
    archived: attribute.archived,
    created_at: attribute.createdAt,
    updated_at: attribute.updatedAt,
    admin_id: String(state.admins[0]?.id ?? 0),
    ...(isList
      ? {
          options: (attribute.options ?? []).map((label, place) => ({
            id: `${attribute.id}-${place}`,
            label,
            archived: false,
          })),
        }
      : attribute.dataType === 'string'
        ? { multiline: false }
        : {}),
  };
}
