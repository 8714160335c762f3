import type { AttributeModel, AttributeRecord, AttributeType, AttributeValues } from './records.js';
import { invalid, type Refusal } from './refusal.js';
import type { WorkspaceState } from './state.js';
import { isSince, type ApiVersion } from './versions.js';

const DAY_SECONDS = 86_400;

/**
 * `values` with `changes` merged in key by key; null clears. Nothing is checked: attributes hold what years of imports
 * left in them.
 */
export function attributesWith(
  state: WorkspaceState,
  model: AttributeModel,
  values: AttributeValues,
  changes: AttributeValues,
): AttributeValues {
  const merged: Record<string, string | number | boolean | null> = { ...values };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null && state.settings.clearedAttributes === 'absent') delete merged[name];
    else merged[name] = storedForm(state, model, name, value);
  }
  return merged;
}

function storedForm(
  state: WorkspaceState,
  model: AttributeModel,
  name: string,
  value: string | number | boolean | null,
): string | number | boolean | null {
  if (state.settings.dateStorage !== 'day' || typeof value !== 'number') return value;
  const isDate = state.attributes[model].some((known) => known.name === name && known.dataType === 'date');
  return isDate ? value - (((value % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS) : value;
}

/**
 * Checks `custom_attributes` of an update through the API and answers them as they are stored.
 * An attribute that does not exist is 400 `parameter_invalid` (none is created on the way since 2.0), as is a list
 * value outside the list; a value of another type likewise.
 */
export function readSentAttributes(state: WorkspaceState, sent: unknown): AttributeValues {
  if (sent === undefined || sent === null) return {};
  if (typeof sent !== 'object' || Array.isArray(sent)) throw invalid('custom_attributes must be an object');
  const checked: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(sent)) {
    try {
      checked[name] = checkAttribute(state, name, value);
    } catch (error) {
      throw state.settings.namesRefusedAttribute ? error : invalid('A custom attribute is not valid');
    }
  }
  return checked;
}

function checkAttribute(
  state: WorkspaceState,
  name: string,
  value: unknown,
): string | number | boolean | null {
  const attribute = state.attributes.contact.find((known) => known.name === name);
  if (attribute === undefined || attribute.archived) {
    throw invalid(`Custom attribute '${name}' does not exist`);
  }
  if (!attribute.apiWritable) throw invalid(`Custom attribute '${name}' cannot be written through the API`);
  return checkValue(attribute, value);
}

function checkValue(attribute: AttributeRecord, value: unknown): string | number | boolean | null {
  if (value === null) return null;
  const wrong = (): Refusal =>
    invalid(`Custom attribute '${attribute.name}' expects a value of type ${attribute.dataType}`);
  switch (attribute.dataType) {
    case 'string':
      if (typeof value !== 'string') throw wrong();
      if (attribute.options !== null && !attribute.options.includes(value)) {
        throw invalid(`'${value}' is not one of the options of custom attribute '${attribute.name}'`);
      }
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong();
      return value;
    case 'float':
      if (typeof value !== 'number') throw wrong();
      return value;
    case 'integer':
      if (!Number.isInteger(value) || typeof value !== 'number') throw wrong();
      return value;
    case 'date': {
      const seconds = typeof value === 'string' ? secondsOf(value) : value;
      if (typeof seconds !== 'number' || !Number.isInteger(seconds)) throw wrong();
      return seconds;
    }
  }
}

/** Unix seconds that a digit string or an ISO 8601 text names; null for anything else. */
function secondsOf(text: string): number | null {
  if (/^-?\d{1,12}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d{2}-\d{2}(T|$)/.test(text)) return null;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
}

export interface NewAttribute {
  readonly model: AttributeModel;
  readonly name: string;
  readonly dataType: AttributeType;
  readonly description?: string;
  readonly options?: readonly string[] | null;
  readonly messengerWritable?: boolean;
  readonly apiWritable?: boolean;
}

/** Puts an attribute into the workspace as its settings page would. */
export function addAttribute(state: WorkspaceState, attribute: NewAttribute): AttributeRecord {
  const now = state.nowAt();
  const record: AttributeRecord = {
    id: state.nextAttributeId(),
    name: attribute.name,
    description: attribute.description ?? '',
    dataType: attribute.dataType,
    options: attribute.options ?? null,
    apiWritable: attribute.apiWritable ?? true,
    messengerWritable: attribute.messengerWritable ?? false,
    archived: false,
    createdAt: now,
    updatedAt: now,
  };
  state.attributes[attribute.model].push(record);
  return record;
}

const CREATABLE_TYPES = new Map<unknown, AttributeType>([
  ['string', 'string'],
  ['integer', 'integer'],
  ['float', 'float'],
  ['boolean', 'boolean'],
  ['date', 'date'],
  ['datetime', 'date'],
]);

/**
 * `POST /data_attributes`: model contact or company in every version; lists are `data_type: options` with
 * `[{value}]` from 2.14, before that `string` with an array of strings. A name taken by an attribute of any model,
 * archived ones included, is 400.
 */
export function createAttribute(
  state: WorkspaceState,
  version: ApiVersion,
  body: Readonly<Record<string, unknown>>,
): AttributeRecord & { readonly model: 'contact' | 'company' } {
  const { name, model, data_type: sentType, options, description, messenger_writable: writable } = body;
  if (model !== 'contact' && model !== 'company') {
    throw invalid('The Data Attribute model field must be either contact or company');
  }
  if (typeof name !== 'string' || !/^[\p{L}\p{N}\p{Sc}_ -]+$/u.test(name)) {
    throw invalid(
      'Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens',
    );
  }
  for (const taken of ['contact', 'company', 'conversation'] as const) {
    if (!state.attributes[taken].some((known) => known.name === name)) continue;
    const [there, here] = [taken, model].map((word) => (word === 'contact' ? 'people' : word));
    throw invalid(
      `You already have '${name}' in your ${there} data. To save this as new ${here} data, use a different name.`,
    );
  }
  const isList = isSince(version, '2.14')
    ? sentType === 'options'
    : sentType === 'string' && options !== undefined;
  const dataType = isList ? 'string' : CREATABLE_TYPES.get(sentType);
  if (dataType === undefined) throw invalid("Data Type isn't an option");
  const choices = isList ? listChoices(options) : null;
  const attribute = addAttribute(state, {
    model,
    name,
    dataType,
    options: choices,
    description: typeof description === 'string' ? description : '',
    // True by default up to 2.10.
    messengerWritable: typeof writable === 'boolean' ? writable : !isSince(version, '2.11'),
  });
  return { ...attribute, model };
}

function listChoices(options: unknown): string[] {
  const choices = (Array.isArray(options) ? options : []).map((option: unknown) =>
    typeof option === 'object' && option !== null && 'value' in option ? option.value : option,
  );
  const names = choices.filter((choice) => typeof choice === 'string');
  if (names.length < 2 || names.length !== choices.length) {
    throw invalid('The Data Attribute needs at least two options');
  }
  return names;
}
