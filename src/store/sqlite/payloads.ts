import type { Connection } from './connection.js';

/** The raw bytes of notifications. `has_payload` of their inbox entry says whether there are any. */
export interface Payloads {
  readonly add: (inboxId: number, body: Uint8Array) => void;
  readonly find: (inboxId: number) => Uint8Array | null;
  /** `offset` and `length` in bytes. */
  readonly read: (inboxId: number, offset: number, length: number) => Uint8Array | undefined;
  readonly remove: (inboxId: number) => void;
}

export function createPayloads({ sqlite }: Pick<Connection, 'sqlite'>): Payloads {
  const insert = sqlite.prepare<[number, Uint8Array]>('insert into payloads (inbox_id, body) values (?, ?)');
  const one = sqlite.prepare<[number], Uint8Array>('select body from payloads where inbox_id = ?').pluck();
  const piece = sqlite
    .prepare<[number, number, number], Uint8Array>(
      'select substr(body, ?, ?) from payloads where inbox_id = ?',
    )
    .pluck();
  const remove = sqlite.prepare<[number]>('delete from payloads where inbox_id = ?');
  return {
    add: (inboxId, body) => {
      insert.run(inboxId, body);
    },
    find: (inboxId) => one.get(inboxId) ?? null,
    read: (inboxId, offset, length) => piece.get(offset + 1, length, inboxId),
    remove: (inboxId) => {
      remove.run(inboxId);
    },
  };
}
