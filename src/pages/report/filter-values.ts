/** What the report understood under a name: a list of texts. */
export function textsOf(filters: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = filters[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** What the report understood under a name: one text. */
export function textOf(filters: Readonly<Record<string, unknown>>, name: string): string {
  const value = filters[name];
  return typeof value === 'string' ? value : '';
}
