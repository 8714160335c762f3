import { isRecord } from '../intercom/json.js';
import { dayBounds } from './day-bounds.js';
import { invalid, Refusal } from './refusal.js';

/** A searchable field: its type, and how to read it from a record. */
export interface SearchField<Item> {
  readonly type: 'string' | 'integer' | 'float' | 'boolean' | 'date';
  /** The zone in which its dates match by day, whatever the dialect says. */
  readonly byDayIn?: string | undefined;
  /** A field with several values (`contact_ids`) matches when one of them does. */
  read(item: Item): string | number | boolean | null | readonly string[];
}

/** What differs between searching contacts and searching conversations. */
export interface Dialect<Item> {
  /** Null for a field that search doesn't know. */
  field(name: string): SearchField<Item> | null;
  readonly dates: 'day' | 'second';
  readonly timeZone: string;
  readonly dateOperators: ReadonlySet<string>;
  readonly numberOperators: ReadonlySet<string>;
  /** True where `>` and `<` take in the value itself. */
  readonly inclusiveBounds: boolean;
  readonly inLimit: number;
}

type Predicate<Item> = (item: Item) => boolean;

/** "There's a limit of max 2 nested filters": a group in a group, and no deeper. */
const MAX_LEVELS = 2;
/** "There's a limit of max 15 filters for each AND or OR group". */
const MAX_FILTERS = 15;

const EQUALITY = ['=', '!=', 'IN', 'NIN'] as const;
const STRING_OPERATORS: ReadonlySet<string> = new Set([...EQUALITY, '~', '!~', '^', '$']);
const BOOLEAN_OPERATORS: ReadonlySet<string> = new Set(EQUALITY);

/**
 * Turns the `query` of a search request into a predicate. Refuses with 400 `parameter_invalid`, as Intercom does, what
 * its search doesn't take: too many filters, too deep a nesting, unknown fields, operators that don't fit the field's
 * type, and values of another type.
 */
export function compileQuery<Item>(query: unknown, dialect: Dialect<Item>): Predicate<Item> {
  if (query === undefined || query === null) throw new Refusal(400, 'parameter_missing', 'query is required');
  return compileNode(query, dialect, 1);
}

function compileNode<Item>(node: unknown, dialect: Dialect<Item>, level: number): Predicate<Item> {
  if (!isRecord(node)) throw invalid('A query must be a filter or a group of filters');
  const { operator, value } = node;
  if (operator !== 'AND' && operator !== 'OR') return compileFilter(node, dialect);
  if (level > MAX_LEVELS) throw invalid(`Filters can be nested at most ${MAX_LEVELS} levels deep`);
  if (!Array.isArray(value) || value.length === 0) throw invalid(`${operator} needs an array of filters`);
  if (value.length > MAX_FILTERS) throw invalid(`${operator} takes at most ${MAX_FILTERS} filters`);
  const parts = value.map((part: unknown) => compileNode(part, dialect, level + 1));
  return operator === 'AND'
    ? (item) => parts.every((matches) => matches(item))
    : (item) => parts.some((matches) => matches(item));
}

function compileFilter<Item>(
  node: Readonly<Record<string, unknown>>,
  dialect: Dialect<Item>,
): Predicate<Item> {
  const { field: name, operator, value } = node;
  if (typeof name !== 'string') throw invalid('A filter needs a field');
  const field = dialect.field(name);
  if (field === null) throw invalid(`Field '${name}' is not searchable`);
  if (typeof operator !== 'string' || !operatorsOf(field.type, dialect).has(operator)) {
    throw invalid(`Operator '${String(operator)}' is not supported on field '${name}'`);
  }
  if (operator === 'IN' || operator === 'NIN') {
    if (!Array.isArray(value) || value.length === 0)
      throw invalid(`${operator} on '${name}' needs an array of values`);
    if (value.length > dialect.inLimit)
      throw invalid(`${operator} on '${name}' takes at most ${dialect.inLimit} values`);
    const wanted = new Set<unknown>(value.map((one: unknown) => readValue(name, field.type, one)));
    const isIn = holds(field, (actual) => wanted.has(actual));
    return operator === 'IN' ? isIn : (item) => !isIn(item);
  }
  const wanted =
    value === null && (operator === '=' || operator === '!=') ? null : readValue(name, field.type, value);
  return field.type === 'date' && typeof wanted === 'number'
    ? compareDate(field, operator, wanted, dialect)
    : compareValue(field, operator, wanted, dialect);
}

function operatorsOf<Item>(type: SearchField<Item>['type'], dialect: Dialect<Item>): ReadonlySet<string> {
  switch (type) {
    case 'string':
      return STRING_OPERATORS;
    case 'boolean':
      return BOOLEAN_OPERATORS;
    case 'integer':
    case 'float':
      return dialect.numberOperators;
    case 'date':
      return dialect.dateOperators;
  }
}

/** The value in the field's type; digits in a string count as a number. */
function readValue(
  name: string,
  type: SearchField<never>['type'],
  value: unknown,
): string | number | boolean {
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'boolean' && typeof value === 'boolean') return value;
  if (type === 'string' || type === 'boolean') throw mismatch(name, type);
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw mismatch(name, type);
  if (type !== 'float' && !Number.isInteger(number)) throw mismatch(name, type);
  return number;
}

function mismatch(name: string, type: string): Refusal {
  return invalid(`The value for field '${name}' must be of type ${type}`);
}

function holds<Item>(
  field: SearchField<Item>,
  test: (actual: string | number | boolean | null) => boolean,
): Predicate<Item> {
  return (item) => {
    const actual = field.read(item);
    if (typeof actual !== 'object' || actual === null) return test(actual);
    return actual.length === 0 ? test(null) : actual.some(test);
  };
}

/** By day: `=` is the whole day, `>` begins with the next one, `<` ends before it (contacts up to 2.16, attributes). */
function compareDate<Item>(
  field: SearchField<Item>,
  operator: string,
  wanted: number,
  dialect: Dialect<Item>,
): Predicate<Item> {
  const timeZone = field.byDayIn ?? (dialect.dates === 'day' ? dialect.timeZone : null);
  if (timeZone === null) return compareValue(field, operator, wanted, dialect);
  const day = dayBounds(wanted, timeZone);
  return holds(field, (actual) => {
    if (day === null || typeof actual !== 'number') return false;
    if (operator === '>') return actual >= day.nextAt;
    if (operator === '<') return actual < day.startAt;
    const isThatDay = actual >= day.startAt && actual < day.nextAt;
    return operator === '!=' ? !isThatDay : isThatDay;
  });
}

function compareValue<Item>(
  field: SearchField<Item>,
  operator: string,
  wanted: string | number | boolean | null,
  dialect: Dialect<Item>,
): Predicate<Item> {
  const text = typeof wanted === 'string' ? wanted.toLowerCase() : '';
  const like = (test: (actual: string) => boolean): Predicate<Item> =>
    holds(field, (actual) => typeof actual === 'string' && test(actual.toLowerCase()));
  const order = (test: (actual: number, bound: number) => boolean): Predicate<Item> =>
    holds(
      field,
      (actual) => typeof actual === 'number' && typeof wanted === 'number' && test(actual, wanted),
    );
  const equal = holds(field, (actual) => actual === wanted);
  const contains = like((actual) => actual.includes(text));
  switch (operator) {
    case '=':
      return equal;
    case '!=':
      return (item) => !equal(item);
    case '~':
      return contains;
    case '!~':
      return (item) => !contains(item);
    case '^':
      return like((actual) => actual.startsWith(text));
    case '$':
      return like((actual) => actual.endsWith(text));
    case '>':
      return order((actual, bound) => actual > bound || (dialect.inclusiveBounds && actual === bound));
    case '<':
      return order((actual, bound) => actual < bound || (dialect.inclusiveBounds && actual === bound));
    case '>=':
      return order((actual, bound) => actual >= bound);
    case '<=':
      return order((actual, bound) => actual <= bound);
    default:
      throw invalid(`Operator '${operator}' is not supported`);
  }
}
