export interface Subject {
  readonly kind: 'conversation' | 'contact';
  readonly id: string;
}

/** One text for each object, to keep it by in a map. */
export function keyOf({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

/** The object that {@link keyOf} made this text of. */
export function subjectOfKey(key: string): Subject {
  const [kind] = key.split(':', 1);
  return { kind: kind === 'contact' ? kind : 'conversation', id: key.slice(key.indexOf(':') + 1) };
}
