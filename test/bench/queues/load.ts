import type { NewEvent, Queue } from './queue.ts';

const WORDS =
  'admin assigned call channel close coach contact conversation employer health note open phone plan'.split(
    ' ',
  );

/** Random numbers that are the same for every candidate. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** Payloads of 3 to 5 kB. The k-th contact comes up in proportion to 1/k: of 2,000 the first has a tenth. */
export function makeEvents(count: number, contacts: number, random: () => number): NewEvent[] {
  return Array.from({ length: count }, (_, at) => {
    const lane = Math.min(contacts - 1, Math.floor(contacts ** random()) - 1);
    const size = 3000 + Math.floor(random() * 2000);
    const words: string[] = [];
    for (let length = 0; length < size;) {
      const word = `${WORDS[Math.floor(random() * WORDS.length)]}${Math.floor(random() * 100_000)}`;
      words.push(word);
      length += word.length + 3;
    }
    const conversation = `conversation:${1 + lane + contacts * Math.floor(random() * 5)}`;
    return {
      key: `event:${at}`,
      lane: `lane:${lane}`,
      share: random() < 0.2 ? 'own' : 'webhooks',
      body: Buffer.from(JSON.stringify({ conversation, words })),
    };
  });
}

/** Stores `events` in groups of `size`, `atOnce` groups at the same time. Answers how many a second. */
export async function storeInGroups(
  queue: Queue,
  events: readonly NewEvent[],
  size: number,
  atOnce: number,
): Promise<number> {
  const sinceMs = performance.now();
  let next = 0;
  const store = async (): Promise<void> => {
    while (next < events.length) {
      const group = events.slice(next, next + size);
      next += size;
      await queue.storeAll(group);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, store));
  return (events.length / (performance.now() - sinceMs)) * 1000;
}
