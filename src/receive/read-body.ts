import type { Context } from 'hono';
import type { LongBodies } from './long-bodies.js';

export type BodyReading =
  | { readonly kind: 'ok'; readonly bytes: Uint8Array<ArrayBuffer>; readonly release: () => void }
  | { readonly kind: 'too large' }
  /** It had to give way to others. */
  | { readonly kind: 'cut' }
  /** Whoever sent it has gone. */
  | { readonly kind: 'broken' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** What is declared shorter is read at once, without a look at each piece, which costs as much as all the rest. */
  readonly shortBytes: number;
}

/** Reads the body of a request whose sender is not known yet. */
export async function readBody(
  context: Context,
  { maxBytes, shortBytes }: BodyLimits,
  longBodies: LongBodies,
  client: () => string,
): Promise<BodyReading> {
  const length = context.req.header('content-length');
  // Where the length is declared Node's parser holds the sender to it.
  const declared =
    length === undefined || context.req.header('transfer-encoding') !== undefined ? null : Number(length);
  if (declared !== null && declared > maxBytes) return { kind: 'too large' };
  try {
    if (declared !== null && declared <= shortBytes) {
      const bytes = new Uint8Array(await context.req.arrayBuffer());
      return { kind: 'ok', bytes, release: () => undefined };
    }
    return await readPieces(context.req.raw.body, maxBytes, longBodies, client());
  } catch {
    return { kind: 'broken' };
  }
}

async function readPieces(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  longBodies: LongBodies,
  client: string,
): Promise<BodyReading> {
  if (body === null) return { kind: 'ok', bytes: new Uint8Array(0), release: () => undefined };
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let isCut = false;
  let size = 0;
  const held = longBodies.begin(client, () => {
    isCut = true;
    // Ends the read that waits, too.
    void reader.cancel().catch(() => undefined);
  });
  const give = (reading: BodyReading): BodyReading => {
    held.end();
    pieces.length = 0;
    return reading;
  };
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > maxBytes) {
        void reader.cancel().catch(() => undefined);
        return give({ kind: 'too large' });
      }
      pieces.push(next.value);
      held.received(next.value.length);
    }
  } catch (error) {
    held.end();
    throw error;
  }
  if (isCut) return give({ kind: 'cut' });
  held.completed();
  return { kind: 'ok', bytes: joined(pieces, size), release: held.end };
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
