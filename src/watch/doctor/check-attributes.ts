import { AppError } from '../../errors.js';
import type { IntercomClient } from '../../intercom/client.js';
import type { DataAttribute } from '../../intercom/data-attributes.js';
import { SCOPES } from '../../intercom/scopes.js';
import { fold } from '../../rules/text.js';
import {
  ATTRIBUTE_TYPES,
  CHANNEL_ATTRIBUTE,
  CHANNELS,
  ENGAGEMENT_STATUSES,
  KEPT_ATTRIBUTES,
  MAINTAINED_ATTRIBUTES,
  QUALIFYING_SERVICE_CODES,
  SERVICE_CODE_ATTRIBUTE,
  type KeptAttribute,
} from '../../rules/vocabulary.js';
import { CALL, scopeProblem } from './check-access.js';
import { fail, ok, warn, type Finding } from './finding.js';

const CONTACT = 'contact attributes';
const CONVERSATION = 'conversation attributes';
const PEOPLE_SETTINGS = "Intercom's Settings, Data, People";
const CONVERSATION_SETTINGS = "Intercom's Settings, Data, Conversations";

/** Intercom's names for the types that hold each of ours; `datetime` is what dates are called from 2.17 on. */
const TYPES_THAT_FIT: Readonly<Record<'date' | 'string', readonly string[]>> = {
  date: ['date', 'datetime'],
  string: ['string', 'options'],
};

export interface AttributeCheck {
  readonly intercom: IntercomClient;
  /** Programs that `Eligible Programs` may be given. */
  readonly programs: readonly string[];
  /** Whether missing contact attributes are to be made. */
  readonly fix: boolean;
}

export async function checkAttributes(request: AttributeCheck): Promise<readonly Finding[]> {
  return [
    ...(await checkContactAttributes(request)),
    ...(await checkConversationAttributes(request.intercom)),
  ];
}

async function checkContactAttributes(request: AttributeCheck): Promise<readonly Finding[]> {
  const { intercom, programs, fix } = request;
  try {
    const listed = await intercom.listContactAttributes(CALL);
    if (!fix) return contactFindings(listed, programs);
    const made = await createMissing(intercom, missingIn(listed));
    return [...made, ...contactFindings(await intercom.listContactAttributes(CALL), programs)];
  } catch (error) {
    return [scopeProblem(SCOPES.readContacts, error)];
  }
}

/** Neither there nor archived: an archived attribute keeps its name, so that a new one can't have it. */
function missingIn(listed: readonly DataAttribute[]): KeptAttribute[] {
  return KEPT_ATTRIBUTES.filter((name) => !listed.some((attribute) => attribute.name === name));
}

async function createMissing(
  intercom: IntercomClient,
  missing: readonly KeptAttribute[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const name of missing) {
    try {
      await intercom.createContactAttribute({ name, dataType: ATTRIBUTE_TYPES[name] }, CALL);
      findings.push(ok(CONTACT, `"${name}" has been made (${typeName(name)})`));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Somebody else was faster: what the list says next is what counts.
      const isThere = (await intercom.listContactAttributes(CALL)).some((one) => one.name === name);
      if (isThere) continue;
      findings.push(creationProblem(name, error));
      if (error.code === 'intercom_refused_token') break;
    }
  }
  return findings;
}

function creationProblem(name: KeptAttribute, error: AppError): Finding {
  if (error.code === 'intercom_refused_token') return scopeProblem(SCOPES.writeAttributes, error);
  return fail(CONTACT, `"${name}" could not be made (${error.message})`, makeByHand([name]));
}

function contactFindings(listed: readonly DataAttribute[], programs: readonly string[]): readonly Finding[] {
  const missing = missingIn(listed);
  const problems = KEPT_ATTRIBUTES.flatMap((name) => {
    const attribute = listed.find((one) => one.name === name);
    return attribute === undefined ? [] : attributeProblems(name, attribute, programs);
  });
  if (missing.length > 0) problems.unshift(missingProblem(missing, listed));
  if (problems.length > 0) return problems;
  return [
    ok(
      CONTACT,
      `all ${KEPT_ATTRIBUTES.length} exist with the right type, and the ${MAINTAINED_ATTRIBUTES.length} that are ` +
        'written may be',
    ),
  ];
}

function missingProblem(missing: readonly KeptAttribute[], listed: readonly DataAttribute[]): Finding {
  const named = missing.map((name) => {
    const other = listed.find((attribute) => fold(attribute.name) === fold(name));
    return other === undefined
      ? `"${name}"`
      : `"${name}" (there is "${other.name}": capitals and spaces count)`;
  });
  return fail(
    CONTACT,
    `missing: ${named.join(', ')}`,
    `Run doctor --fix. Or by hand: ${makeByHand(missing)}`,
  );
}

function attributeProblems(
  name: KeptAttribute,
  attribute: DataAttribute,
  programs: readonly string[],
): readonly Finding[] {
  if (attribute.archived) {
    return [fail(CONTACT, `"${name}" is archived`, `Unarchive it in ${PEOPLE_SETTINGS}`)];
  }
  if (!TYPES_THAT_FIT[ATTRIBUTE_TYPES[name]].includes(attribute.dataType)) {
    return [
      fail(
        CONTACT,
        `"${name}" has the type ${attribute.dataType}, not ${typeName(name)}`,
        `Intercom can't change a type: rename it in ${PEOPLE_SETTINGS}, run doctor --fix to make it anew, and bring ` +
          'its values over by export and import where they are needed',
      ),
    ];
  }
  const problems: Finding[] = [];
  if (isMaintained(name) && attribute.apiWritable === false) {
    problems.push(
      fail(
        CONTACT,
        `"${name}" can't be written by an app`,
        `Allow it to be updated through the API in ${PEOPLE_SETTINGS}`,
      ),
    );
  }
  const lacking = valuesWritten(name, programs).filter(
    (value) => attribute.options?.includes(value) === false,
  );
  if (lacking.length > 0) {
    const values = lacking.map((value) => `"${value}"`).join(', ');
    problems.push(
      fail(CONTACT, `"${name}" is a list without ${values}`, `Add it to the list in ${PEOPLE_SETTINGS}`),
    );
  }
  return problems;
}

function isMaintained(name: KeptAttribute): boolean {
  return MAINTAINED_ATTRIBUTES.some((maintained) => maintained === name);
}

function valuesWritten(name: KeptAttribute, programs: readonly string[]): readonly string[] {
  if (name === 'Engagement Status') return ENGAGEMENT_STATUSES;
  return name === 'Eligible Programs' ? programs : [];
}

function makeByHand(names: readonly KeptAttribute[]): string {
  const wanted = names.map((name) => `"${name}" (${typeName(name)})`).join(', ');
  return `make ${wanted} in ${PEOPLE_SETTINGS}, Create attribute`;
}

function typeName(name: KeptAttribute): string {
  return ATTRIBUTE_TYPES[name] === 'date' ? 'date' : 'text';
}

/** Coaches choose their values, so what they look like is for people to decide: these are never made here. */
async function checkConversationAttributes(intercom: IntercomClient): Promise<readonly Finding[]> {
  let listed: readonly DataAttribute[];
  try {
    listed = await intercom.listConversationAttributes(CALL);
  } catch (error) {
    return [scopeProblem(SCOPES.readConversations, error)];
  }
  const problems = [
    ...conversationProblems(listed, CHANNEL_ATTRIBUTE, CHANNELS),
    ...conversationProblems(listed, SERVICE_CODE_ATTRIBUTE, QUALIFYING_SERVICE_CODES),
  ];
  return problems.length > 0
    ? problems
    : [ok(CONVERSATION, `"${CHANNEL_ATTRIBUTE}" and "${SERVICE_CODE_ATTRIBUTE}" exist`)];
}

function conversationProblems(
  listed: readonly DataAttribute[],
  name: string,
  values: readonly string[],
): readonly Finding[] {
  const attribute = listed.find((one) => one.name === name && !one.archived);
  const known = values.map((value) => `"${value}"`).join(', ');
  if (attribute === undefined) {
    const isArchived = listed.some((one) => one.name === name);
    const fix = isArchived
      ? `Unarchive it in ${CONVERSATION_SETTINGS}`
      : `Make it in ${CONVERSATION_SETTINGS}, Create attribute: a list with ${known}. Apps can't make it for you`;
    return [fail(CONVERSATION, `"${name}" is ${isArchived ? 'archived' : 'missing'}: no call counts`, fix)];
  }
  if (!['string', 'list', 'options'].includes(attribute.dataType)) {
    const sentence = `"${name}" has the type ${attribute.dataType}: no call counts`;
    return [
      fail(CONVERSATION, sentence, `Rename it in ${CONVERSATION_SETTINGS} and make a list with ${known}`),
    ];
  }
  const options = attribute.options?.map(fold);
  const lacking = values.filter((value) => options?.includes(fold(value)) === false);
  if (lacking.length === 0) return [];
  const sentence = `"${name}" is a list without ${lacking.map((value) => `"${value}"`).join(', ')}`;
  return [
    warn(
      CONVERSATION,
      sentence,
      `Add it to the list in ${CONVERSATION_SETTINGS}, or calls of that kind never count`,
    ),
  ];
}
