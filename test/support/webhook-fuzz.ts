import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { closeRandomCall, editRandomContact } from '../../src/sandbox/coaches.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import type { Workspace } from '../../src/sandbox/workspace.js';

/** One request to the webhook address. */
export interface FuzzedRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the signature is that of exactly these bytes. */
  readonly isSigned: boolean;
}

/** What the workspace really sends, of every kind it has. */
export async function realPayloads(workspace: Workspace): Promise<readonly Uint8Array[]> {
  const random = createRandom(7);
  populate(workspace, { members: 12, seed: 7 });
  workspace.webhooks.deliverTo(() => new Response(null, { status: 200 }));
  for (let number = 0; number < 25; number += 1) {
    closeRandomCall(workspace, random);
    editRandomContact(workspace, random);
  }
  const [absorbed, survivor, archived, deleted] = [1, 2, 3, 4].map(() => workspace.addContact().id);
  workspace.mergeContacts(absorbed ?? '', survivor ?? '');
  workspace.archiveContact(archived ?? '');
  workspace.unarchiveContact(archived ?? '');
  workspace.deleteContact(deleted ?? '');
  const call = workspace.addConversation({ contactIds: [survivor ?? ''] }).id;
  workspace.deleteConversation(call);
  await workspace.webhooks.drained();
  return workspace.webhooks.deliveries.map(({ body }) => body);
}

/** Requests that are broken in every way we could think of; half of them are correctly signed all the same. */
export function fuzzedRequests(real: readonly Uint8Array[], secret: string): fc.Arbitrary<FuzzedRequest> {
  const body = fc.oneof(
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 5 }).map(asBytes) },
    { weight: 3, arbitrary: damagedBytes(real) },
    { weight: 5, arbitrary: mutatedPayloads(real) },
    { weight: 2, arbitrary: encoded(real) },
    { weight: 2, arbitrary: nested() },
    { weight: 2, arbitrary: oddKeys(real) },
    { weight: 1, arbitrary: fc.constantFrom(...real) },
  );
  const signing = fc.constantFrom(
    'right',
    'right',
    'right',
    'upper case',
    'wrong secret',
    'other body',
    'none',
    'odd',
  );
  return fc.record({ body, signing, headers: oddHeaders() }).map(({ body: bytes, signing: how, headers }) => {
    const copy = new Uint8Array(bytes);
    const signature = signatureOf(copy, how, secret);
    return {
      body: copy,
      headers: { ...headers, ...(signature === null ? {} : { 'x-hub-signature': signature }) },
      isSigned: how === 'right' || how === 'upper case',
    };
  });
}

function signatureOf(body: Uint8Array, how: string, secret: string): string | null {
  const sign = (bytes: Uint8Array, key: string): string =>
    createHmac('sha1', key).update(bytes).digest('hex');
  switch (how) {
    case 'right':
      return `sha1=${sign(body, secret)}`;
    case 'upper case':
      return `SHA1=${sign(body, secret).toUpperCase()}`;
    case 'wrong secret':
      return `sha1=${sign(body, `${secret}x`)}`;
    case 'other body':
      return `sha1=${sign(Buffer.concat([body, Buffer.from(' ')]), secret)}`;
    case 'odd':
      return `sha1=${sign(body, secret).slice(1)}`;
    default:
      return null;
  }
}

function asBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value) ?? 'null');
}

const pick = (real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> => fc.constantFrom(...real);

/** Cut off, with bytes changed, or two of them run together. */
function damagedBytes(real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const cut = fc.tuple(pick(real), share).map(([bytes, at]) => bytes.slice(0, Math.floor(bytes.length * at)));
  const changed = fc
    .tuple(
      pick(real),
      fc.array(fc.tuple(share, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
    )
    .map(([bytes, changes]) => {
      const copy = new Uint8Array(bytes);
      for (const [at, byte] of changes) copy[Math.floor(at * (copy.length - 1))] = byte;
      return copy;
    });
  const spliced = fc
    .tuple(pick(real), pick(real), share)
    .map(([one, other, at]) =>
      Buffer.concat([
        one.subarray(0, Math.floor(one.length * at)),
        other.subarray(Math.floor(other.length * at)),
      ]),
    );
  return fc.oneof(cut, changed, spliced);
}

/** Well-formed JSON of the right shape in which one value is another one than anybody expects. */
function mutatedPayloads(real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null, true, '', ' ', 0, -1, 1e308, -1e308, 2 ** 53, AHEAD, 0.1, '0', [], {}, [[]], '\u0000', '\ud800', '../../me',
      'a/b', '%2e%2e', '9'.repeat(400), 'x'.repeat(200_000), '1970-13-45', '+275760-09-13T00:00:00Z',
      'contact.deleted', 'contact.merged', 'conversation.deleted', 'ping',
    ), // prettier-ignore
    fc.jsonValue({ maxDepth: 3 }),
    fc.integer(),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const changes = fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 4 });
  const isAhead = fc.constantFrom(true, false, false, false);
  return fc.tuple(pick(real), changes, fc.nat(), isAhead).map(([bytes, some, id, ahead]) => {
    const payload: unknown = JSON.parse(Buffer.from(bytes).toString());
    // Another one each time, or it would only be a repetition.
    if (typeof payload === 'object' && payload !== null) Reflect.set(payload, 'id', `notif_${id}`);
    for (const [number, value] of some) replaceOne(payload, number, value);
    if (ahead) setUpdatedAt(payload, AHEAD);
    return asBytes(payload);
  });
}

/** In the year 2100. */
const AHEAD = 4_102_444_800;

function setUpdatedAt(holder: unknown, at: number): void {
  if (typeof holder !== 'object' || holder === null) return;
  for (const key of Object.keys(holder)) {
    if (key === 'updated_at') Reflect.set(holder, key, at);
    else setUpdatedAt(Reflect.get(holder, key), at);
  }
}

function replaceOne(root: unknown, number: number, value: unknown): void {
  const places: { readonly holder: object; readonly key: string }[] = [];
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      walk(Reflect.get(holder, key));
    }
  };
  walk(root);
  const place = places[number % Math.max(1, places.length)];
  if (place !== undefined) Reflect.set(place.holder, place.key, value);
}

/** In other encodings than UTF-8, compressed, or with a mark in front. */
function encoded(real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const ways: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
    (bytes) => gzipSync(bytes),
    (bytes) => Buffer.from(Buffer.from(bytes).toString(), 'utf16le'),
    (bytes) =>
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(Buffer.from(bytes).toString(), 'utf16le')]),
    (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]),
    (bytes) => Buffer.from(Buffer.from(bytes).toString().replace('"id"', '"ïd"'), 'latin1'),
    (bytes) => Buffer.from(Buffer.from(bytes).toString('base64')),
    (bytes) => Buffer.from(`payload=${encodeURIComponent(Buffer.from(bytes).toString())}`),
  ];
  return fc.tuple(pick(real), fc.constantFrom(...ways)).map(([bytes, encode]) => encode(bytes));
}

/** Deep and long. */
function nested(): fc.Arbitrary<Uint8Array> {
  const depth = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constantFrom(20_000, 100_000));
  const shapes: readonly ((depth: number) => string)[] = [
    (levels) => '['.repeat(levels),
    (levels) => '['.repeat(levels) + ']'.repeat(levels),
    (levels) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels),
    (levels) => inItem(`"custom_attributes":{"Employer":${'['.repeat(levels)}${']'.repeat(levels)}}`),
    (levels) => inItem(`"contacts":${'{"contacts":'.repeat(levels)}[]${'}'.repeat(levels)}`),
    (levels) => inItem(`"name":"${'n'.repeat(levels * 10)}"`),
    (levels) => inItem(`"tags":[${'0,'.repeat(levels)}0]`),
    (levels) => `${inItem('"type":"contact"')}${' '.repeat(levels)}`,
    (levels) =>
      inItem(Array.from({ length: Math.min(levels, 20_000) }, (_, key) => `"k${key}":${key}`).join()),
  ];
  return fc.tuple(depth, fc.constantFrom(...shapes)).map(([levels, shape]) => Buffer.from(shape(levels)));
}

function inItem(fields: string): string {
  return `{"topic":"contact.user.updated","id":"n${fields.length}","data":{"item":{"id":"c1",${fields}}}}`;
}

/** Keys that stand twice, and keys that reach for the prototype. */
function oddKeys(real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const keys = [
    '"__proto__":{"polluted":1,"topic":"contact.deleted","id":"c1"}',
    '"constructor":{"prototype":{"polluted":1}}',
    '"topic":"contact.deleted","topic":"conversation.admin.closed"',
    '"id":"one","id":"two"',
    '"data":{"item":{"id":"1"}},"data":{"__proto__":{"item":{"id":"2"}}}',
    '"toString":1,"hasOwnProperty":null,"valueOf":{}',
    '"topic":{"__proto__":"ping"}',
    '"length":-1,"0":"x"',
  ];
  const atTop = fc.tuple(pick(real), fc.constantFrom(...keys), fc.boolean()).map(([bytes, key, isFirst]) => {
    const text = Buffer.from(bytes).toString();
    return Buffer.from(isFirst ? `{${key},${text.slice(1)}` : `${text.slice(0, -1)},${key}}`);
  });
  const inside = fc.constantFrom(...keys).map((key) => Buffer.from(inItem(key)));
  return fc.oneof(atTop, inside);
}

function oddHeaders(): fc.Arbitrary<Record<string, string>> {
  const type = fc.oneof(
    { weight: 8, arbitrary: fc.constant('application/json') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'application/json; charset=utf-8', 'application/json;charset=utf-16', 'APPLICATION/JSON', 'text/plain',
        'application/problem+json', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', '',
      ), // prettier-ignore
    },
  );
  const encoding = fc.option(fc.constantFrom('gzip', 'deflate', 'br', 'identity', 'nonsense'), {
    freq: 6,
    nil: null,
  });
  return fc.tuple(type, encoding).map(([contentType, contentEncoding]) => ({
    'content-type': contentType,
    ...(contentEncoding === null ? {} : { 'content-encoding': contentEncoding }),
  }));
}
