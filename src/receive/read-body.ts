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
  const collected = createCollector(maxBytes);
  let isCut = false;
  const held = longBodies.begin(client, () => {
    isCut = true;
    // Ends the read that waits, too.
    void reader.cancel().catch(() => undefined);
  });
  const give = (reading: BodyReading): BodyReading => {
    held.end();
    return reading;
  };
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!collected.add(next.value)) {
        void reader.cancel().catch(() => undefined);
        return give({ kind: 'too large' });
      }
      held.received(next.value.length);
    }
  } catch (error) {
    held.end();
    throw error;
  }
  if (isCut) return give({ kind: 'cut' });
  held.completed();
  return { kind: 'ok', bytes: collected.bytes(), release: held.end };
}

interface Collector {
  /** False when it is too much. */
  readonly add: (piece: Uint8Array) => boolean;
  readonly bytes: () => Uint8Array<ArrayBuffer>;
}

/**
 * Copies each piece as it comes. Kept as they are, pieces of one byte would take a hundred each, and hold what was read
 * from the socket with them: the memory would be bounded by no number of bytes.
 */
function createCollector(maxBytes: number): Collector {
  let buffer = new Uint8Array(0);
  let size = 0;
  return {
    add: (piece) => {
      const end = size + piece.length;
      if (end > maxBytes) return false;
      if (end > buffer.length) {
        const grown = new Uint8Array(Math.min(maxBytes, Math.max(end, buffer.length * 2)));
        grown.set(buffer.subarray(0, size));
        buffer = grown;
      }
      buffer.set(piece, size);
      size = end;
      return true;
    },
    bytes: () => buffer.subarray(0, size),
  };
}
