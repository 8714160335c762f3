import { keepPayload, readPayload, type KeptPayload } from '../payload-form.js';
import type { Connection } from './connection.js';

/** The raw bytes of notifications. `has_payload` of their inbox entry says whether there are any. */
export interface Payloads {
  readonly add: (inboxId: number, bytes: Uint8Array) => void;
  readonly find: (inboxId: number) => Uint8Array | null;
  readonly ofKey: (dedupeKey: string) => Uint8Array | null;
  /** A piece of one that is read piece by piece. */
  readonly readPiece: (inboxId: number, offset: number, length: number) => Uint8Array | null;
  readonly remove: (inboxId: number) => void;
}

export function createPayloads({ sqlite }: Pick<Connection, 'sqlite'>): Payloads {
  const insert = sqlite.prepare<[number, Uint8Array, number]>(
    'insert into payloads (inbox_id, body, size) values (?, ?, ?)',
  );
  const one = sqlite.prepare<[number], KeptPayload>('select body, size from payloads where inbox_id = ?');
  const ofKey = sqlite.prepare<[string], KeptPayload>(
    'select body, size from inbox join payloads on inbox_id = id where dedupe_key = ?',
  );
  const remove = sqlite.prepare<[number]>('delete from payloads where inbox_id = ?');
  const read = (kept: KeptPayload | undefined): Uint8Array | null =>
    kept === undefined ? null : readPayload(kept);
  const find = (inboxId: number): Uint8Array | null => read(one.get(inboxId));
  /** The last one that was read piece by piece: they have up to 5 MB, and pieces of 64 kB. */
  let open: { readonly inboxId: number; readonly bytes: Uint8Array } | null = null;

  return {
    add: (inboxId, bytes) => {
      const { body, size } = keepPayload(bytes);
      insert.run(inboxId, body, size);
    },
    find,
    ofKey: (dedupeKey) => read(ofKey.get(dedupeKey)),
    readPiece: (inboxId, offset, length) => {
      const bytes = open?.inboxId === inboxId ? open.bytes : find(inboxId);
      if (bytes === null) return null;
      open = offset + length < bytes.length ? { inboxId, bytes } : null;
      return bytes.subarray(offset, offset + length);
    },
    remove: (inboxId) => {
      if (open?.inboxId === inboxId) open = null;
      remove.run(inboxId);
    },
  };
}
