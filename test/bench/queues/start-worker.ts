import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface StartedWorker {
  readonly pid: number;
  /** The next line that begins with one of `words`, said before or after this call; fails after `withinMs`. */
  readonly said: (words: string | readonly string[], withinMs?: number) => Promise<string>;
  readonly send: (line: string) => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Stops in order, and by force after five seconds. */
  readonly stop: () => Promise<void>;
  readonly ended: Promise<void>;
}

/** Starts `worker.ts` and waits until it works. */
export async function startWorker(
  candidate: string,
  url: string,
  concurrency: number,
  mode: string,
): Promise<StartedWorker> {
  const file = fileURLToPath(new URL('worker.ts', import.meta.url));
  const child = spawn(process.execPath, [file, candidate, url, String(concurrency), mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let arrived: () => void = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    arrived();
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const worker: StartedWorker = {
    pid: child.pid ?? 0,
    said: async (words, withinMs = 30_000) => {
      const untilMs = performance.now() + withinMs;
      for (;;) {
        const at = lines.findIndex((line) => [words].flat().some((word) => line.startsWith(word)));
        if (at >= 0) return lines.splice(at, 1)[0] ?? '';
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0)
          throw new Error(
            `the worker did not say "${[words].flat().join('" or "')}" within ${withinMs / 1000} s`,
          );
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          arrived = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    send: (line) => {
      child.stdin.write(`${line}\n`);
    },
    signal: (signal) => {
      child.kill(signal);
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGCONT');
      child.stdin.write('stop\n');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
    ended,
  };
  await worker.said('working', 60_000);
  return worker;
}
