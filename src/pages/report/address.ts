/** How a table stands in the address of its page. Everything else in the address are the report's own fields. */
export interface TableAddress {
  readonly path: string;
  /** The report's fields as given, empty ones left out: an untouched field of a form sends nothing. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly sort: Sort | null;
  /** Page of a table that is sorted here, from 1. */
  readonly page: number;
  /** Page of a table in the report's own order: the cursor before it. */
  readonly cursor: string | null;
}

export interface Sort {
  readonly column: string;
  readonly direction: 'ascending' | 'descending';
}

const OWN_NAMES = new Set(['sort', 'direction', 'page', 'cursor']);

export function readTableAddress(url: string): TableAddress {
  const { pathname, searchParams } = new URL(url);
  const fields = new Map<string, string[]>();
  for (const [name, value] of searchParams) {
    if (OWN_NAMES.has(name) || value.trim() === '') continue;
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  const column = searchParams.get('sort');
  const direction = searchParams.get('direction') === 'descending' ? 'descending' : 'ascending';
  const page = Number(searchParams.get('page') ?? '1');
  return {
    path: pathname,
    fields,
    sort: column === null || column === '' ? null : { column, direction },
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
    cursor: searchParams.get('cursor'),
  };
}

/** The address of the same view with something changed; a new order or filter begins at the first page. */
export function tableHref(
  address: TableAddress,
  change: Partial<Pick<TableAddress, 'sort' | 'page' | 'cursor' | 'path'>>,
): string {
  const { path, fields, sort, page, cursor } = { ...address, page: 1, cursor: null, ...change };
  const query = new URLSearchParams();
  for (const [name, values] of fields) for (const value of values) query.append(name, value);
  if (sort !== null) {
    query.set('sort', sort.column);
    query.set('direction', sort.direction);
  }
  if (page > 1) query.set('page', String(page));
  if (cursor !== null) query.set('cursor', cursor);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The fields as a report reads them: one value, or a list of several. */
export function givenFields(fields: TableAddress['fields']): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    [...fields].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}
