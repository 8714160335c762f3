import type { Context } from 'hono';
import type { Log } from '../log.js';
import type { CsvPiece } from './csv.js';

interface CsvFile {
  readonly fileName: string;
  /** Begins to make it. */
  readonly make: () => AsyncGenerator<CsvPiece>;
  readonly log: Log;
  /** What it is, for the log. */
  readonly about: Readonly<Record<string, string>>;
}

/**
 * Answers a CSV as a file. Rejects when its first piece fails, so that this is still answered as a failure; of a later
 * one only the log tells, because the status has been sent by then.
 */
export async function answerCsv(
  context: Context,
  { fileName, make, log, about }: CsvFile,
): Promise<Response> {
  const headers = {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${fileName}"`,
  };
  // What is made for HEAD nobody would ever take, nor say that he doesn't.
  if (context.req.method === 'HEAD') return context.body(null, 200, headers);
  const body = await streamCsv(make(), (error) =>
    log.error({ err: error, ...about }, 'a CSV ended before its last row'),
  );
  return context.body(body, 200, headers);
}

/**
 * A CSV as a stream that asks for the next piece only when the one before has been taken, so that a slow reader holds
 * back the work instead of filling the memory. Resolves once the first piece is there, and rejects when that fails; a
 * later failure breaks the stream off, so that nobody takes a part for the whole.
 */
export async function streamCsv(
  pieces: AsyncGenerator<CsvPiece>,
  onBreak: (error: unknown) => void,
): Promise<ReadableStream<Uint8Array>> {
  let next: IteratorResult<CsvPiece> | null = await pieces.next();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const piece = next ?? (await pieces.next());
          next = null;
          if (piece.done === true) controller.close();
          else controller.enqueue(piece.value.bytes);
        } catch (error) {
          onBreak(error);
          controller.error(error);
        }
      },
      cancel: async () => {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
