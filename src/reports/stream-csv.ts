import type { CsvPiece } from './csv.js';

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
