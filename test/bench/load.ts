import { Agent, request } from 'node:http';

/** One POST as it goes out. */
export interface Shot {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly answers: number;
  readonly notOk: number;
  readonly perSecond: number;
  /** Milliseconds from sending to the answer's end, sorted. */
  readonly latenciesMs: readonly number[];
}

/** Sends every shot once over `connections` kept-open connections, each with one request under way at a time. */
export async function fire(url: string, shots: readonly Shot[], connections: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latenciesMs: number[] = [];
  let notOk = 0;
  let next = 0;
  const startedAt = performance.now();
  const shootOn = async (): Promise<void> => {
    for (let shot = shots[next++]; shot !== undefined; shot = shots[next++]) {
      const sentAt = performance.now();
      const status = await post(agent, url, shot);
      latenciesMs.push(performance.now() - sentAt);
      if (status !== 200) notOk += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, shootOn));
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  latenciesMs.sort((a, b) => a - b);
  return { answers: latenciesMs.length, notOk, perSecond: latenciesMs.length / seconds, latenciesMs };
}

function post(agent: Agent, url: string, shot: Shot): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { ...shot.headers, 'content-length': String(shot.body.length) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(shot.body);
  });
}

/** The value below which `share` of the sorted values lie. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** For `editRandomContact`: what is changed back a third time waits for minutes, on purpose. */
export function undoingTwice(): (contactId: string) => boolean {
  const times = new Map<string, number>();
  return (contactId) => {
    const now = (times.get(contactId) ?? 0) + 1;
    times.set(contactId, now);
    return now <= 2;
  };
}
