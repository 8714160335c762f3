import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  /** `total` is null while nobody knows. */
  update(done: number, total: number | null, phase?: string): void;
  stop(): void;
}

/** A progress bar on a terminal; nothing elsewhere. `what` stands before it: `copying`. */
export function createProgressBar(stream: NodeJS.WritableStream, what: string): ProgressBar {
  if (!('isTTY' in stream) || stream.isTTY !== true) {
    return { update: () => undefined, stop: () => undefined };
  }
  const bar = new SingleBar(
    {
      format: `${what} {bar} {percentage} % {phase}`,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      stream,
    },
    Presets.shades_classic,
  );
  bar.start(1, 0, { phase: '' });
  return {
    update: (done, total, phase = '') => {
      bar.setTotal(Math.max(1, total ?? done));
      bar.update(done, { phase });
    },
    stop: () => bar.stop(),
  };
}
