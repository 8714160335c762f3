/** What a payload may call a person by. */
export interface Person {
  readonly name: string | null;
  readonly email: string | null;
  readonly externalId: string | null;
}

export function personOf({ name, email, externalId }: Person): Person {
  return { name, email, externalId };
}
