import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { joinPointer, toJsonSchema } from './json-schema.js';

/** The versions whose descriptions are checked: the oldest and the newest one at hand. */
export const DESCRIBED_VERSIONS = ['2.11', '2.16'] as const;
export type DescribedVersion = (typeof DESCRIBED_VERSIONS)[number];

/** One version of Intercom's OpenAPI description. A list of complaints that is empty means: as described. */
export interface Description {
  readonly version: DescribedVersion;
  /**
   * Checks a request: `path` as sent, query included; `body` parsed, `undefined` for none; `headers` with names in
   * lower case. Top-level keys and query names that the description doesn't know are complaints too.
   */
  checkRequest(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string | undefined>>,
  ): string[];
  /** Checks an answer: `path` as sent or as template (`/contacts/{contact_id}`), `body` parsed. */
  checkResponse(method: string, path: string, status: number, body: unknown): string[];
}

const loaded = new Map<DescribedVersion, Description>();

/**
 * Reads `<version>.yaml` from the directory in `INTERCOM_OPENAPI_DIR`; once per version and test file.
 * @throws Error when the variable is unset.
 */
export function loadDescription(version: DescribedVersion): Description {
  const known = loaded.get(version);
  if (known !== undefined) return known;
  const description = describe(version, readDocument(version));
  loaded.set(version, description);
  return description;
}

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly template: string;
  readonly pointer: string;
  readonly operation: Json;
}

function readDocument(version: DescribedVersion): Json {
  const directory = process.env['INTERCOM_OPENAPI_DIR'];
  if (directory === undefined || directory === '') {
    throw new Error(
      "Set INTERCOM_OPENAPI_DIR to a directory with Intercom's OpenAPI descriptions as 2.11.yaml and 2.16.yaml " +
        '(from descriptions/<version>/api.intercom.io.yaml of github.com/intercom/Intercom-OpenAPI).',
    );
  }
  return record(parse(readFileSync(join(directory, `${version}.yaml`), 'utf8')), version);
}

function describe(version: DescribedVersion, document: Json): Description {
  const address = `https://openapi.example/${version}`;
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, logger: false });
  formats.default(ajv);
  const hasTarget = (reference: string): boolean => resolve(document, reference) !== undefined;
  ajv.addSchema(record(toJsonSchema(document, hasTarget), version), address);
  const compiled = new Map<string, ValidateFunction>();
  const complain = (what: string, pointer: string, value: unknown): string[] => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `${address}#${encodeURI(pointer)}` });
    compiled.set(pointer, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      (error) =>
        `${what}${error.instancePath} ${error.message ?? 'is wrong'} (${JSON.stringify(error.params)})`,
    );
  };
  const paths = record(document['paths'], 'paths');

  return {
    version,
    checkRequest: (method, path, body, headers) => {
      const { pathname, searchParams } = new URL(path, 'https://api.example');
      const found = findOperation(paths, method, pathname);
      if (found === null) return [`${method} ${pathname} is not described`];
      const { template, pointer, operation } = found;
      const given = pathParameters(template, pathname);
      const complaints: string[] = [];
      const known = new Set<string>();
      for (const [place, parameter] of list(operation['parameters']).entries()) {
        const { name, in: where, required } = record(parameter, `parameter ${place}`);
        if (typeof name !== 'string') continue;
        if (where === 'query') known.add(name);
        const value =
          where === 'query'
            ? searchParams.get(name)
            : where === 'header'
              ? headers[name.toLowerCase()]
              : given.get(name);
        if (value === undefined || value === null) {
          if (required === true || where === 'header') complaints.push(`${String(where)} ${name} is missing`);
          continue;
        }
        const schema = joinPointer(pointer, 'parameters', String(place), 'schema');
        // On the wire everything is text: a parameter described as a number or boolean is checked as such.
        const readings = [value, asScalar(value)].map((one) =>
          complain(`${String(where)} ${name}`, schema, one),
        );
        if (readings.every((one) => one.length > 0)) complaints.push(...(readings[0] ?? []));
      }
      for (const name of searchParams.keys()) {
        if (!known.has(name)) complaints.push(`query ${name} is not described`);
      }
      if (!/^Bearer \S+$/.test(headers['authorization'] ?? ''))
        complaints.push('header authorization is no bearer token');
      if (headers['accept'] !== 'application/json') complaints.push('header accept is not application/json');
      return [...complaints, ...checkBody(found, body, headers)];
    },
    checkResponse: (method, path, status, body) => {
      const found = findOperation(paths, method, new URL(path, 'https://api.example').pathname, path);
      if (found === null) return [`${method} ${path} is not described`];
      const responses = record(found.operation['responses'], 'responses');
      if (!(String(status) in responses)) return [`${method} ${path} has no described answer ${status}`];
      const pointer = joinPointer(found.pointer, 'responses', String(status));
      const schema = contentSchema(responses[String(status)]);
      return schema === null ? [] : complain('body', joinPointer(pointer, ...JSON_SCHEMA), body);
    },
  };

  function checkBody(
    found: Operation,
    body: unknown,
    headers: Readonly<Record<string, string | undefined>>,
  ): string[] {
    const { operation, pointer } = found;
    const schema = contentSchema(operation['requestBody']);
    if (schema === null) return body === undefined ? [] : ['a body is sent where none is described'];
    const complaints = complain('body', joinPointer(pointer, 'requestBody', ...JSON_SCHEMA), body);
    if (!(headers['content-type'] ?? '').startsWith('application/json')) {
      complaints.push('header content-type is not application/json');
    }
    const names = propertyNames(document, schema);
    for (const key of Object.keys(record(body ?? {}, 'body'))) {
      if (!names.has(key)) complaints.push(`body/${key} is not described`);
    }
    return complaints;
  }
}

const JSON_SCHEMA = ['content', 'application/json', 'schema'] as const;

function contentSchema(holder: unknown): unknown {
  const content = isRecord(holder) ? holder['content'] : undefined;
  const json = isRecord(content) ? content['application/json'] : undefined;
  return isRecord(json) ? (json['schema'] ?? null) : null;
}

/** The operation for a concrete path (a literal segment wins over a parameter), or for exactly this template. */
function findOperation(paths: Json, method: string, pathname: string, template?: string): Operation | null {
  const wanted = method.toLowerCase();
  const candidates = Object.keys(paths)
    .filter((one) => one === template || pathParameters(one, pathname).size === parameterNames(one).length)
    .filter((one) => one === template || matches(one, pathname))
    .sort(
      (a, b) =>
        Number(b === template) - Number(a === template) ||
        parameterNames(a).length - parameterNames(b).length,
    );
  for (const candidate of candidates) {
    const operation = record(paths[candidate], candidate)[wanted];
    if (isRecord(operation))
      return { template: candidate, pointer: joinPointer('', 'paths', candidate, wanted), operation };
  }
  return null;
}

function parameterNames(template: string): string[] {
  return segments(template).filter(isParameter);
}

function matches(template: string, pathname: string): boolean {
  const parts = segments(pathname);
  const wanted = segments(template);
  return (
    wanted.length === parts.length && wanted.every((one, place) => isParameter(one) || one === parts[place])
  );
}

function pathParameters(template: string, pathname: string): Map<string, string> {
  const parts = segments(pathname);
  return new Map(
    segments(template).flatMap((one, place): [string, string][] => {
      const part = parts[place];
      return isParameter(one) && part !== undefined ? [[one.slice(1, -1), decodeURIComponent(part)]] : [];
    }),
  );
}

function segments(path: string): string[] {
  return path.split('/').slice(1);
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{');
}

function asScalar(value: string): unknown {
  if (value === 'true' || value === 'false') return value === 'true';
  return value !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Names of the top-level properties of a body schema, through references and alternatives. */
function propertyNames(document: Json, schema: unknown): Set<string> {
  if (!isRecord(schema)) return new Set();
  const { $ref: reference, properties } = schema;
  if (typeof reference === 'string') return propertyNames(document, resolve(document, reference));
  const inner = ['allOf', 'anyOf', 'oneOf'].flatMap((key) => list(schema[key]));
  return new Set([
    ...Object.keys(isRecord(properties) ? properties : {}),
    ...inner.flatMap((one) => [...propertyNames(document, one)]),
  ]);
}

function resolve(document: Json, reference: string): unknown {
  return segments(reference).reduce<unknown>(
    (node, key) => (isRecord(node) ? node[key] : undefined),
    document,
  );
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown, what: string): Json {
  if (!isRecord(value)) throw new Error(`${what} is not an object`);
  return value;
}
