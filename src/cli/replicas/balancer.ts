import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';

/** A small stand-in for the balancer in front of several services. */
export interface Balancer {
  readonly url: string;
  /** Takes the places of those that were there before. */
  readonly use: (urls: readonly string[]) => void;
  readonly close: () => Promise<void>;
}

/** More than any webhook or form has. */
const MAX_BODY_BYTES = 8_000_000;
const ANSWER_WITHIN_MS = 30_000;

/**
 * Hands each request to the next service in turn, and to another one when that is gone before it has answered: webhooks
 * may come twice, pages are only read. What changes something else is handed on once.
 */
export async function startBalancer(port: number): Promise<Balancer> {
  let services: readonly string[] = [];
  let turn = 0;

  const server = createServer((incoming, outgoing) => {
    // Who asked has gone before all was sent.
    handOn(incoming, outgoing).catch(() => outgoing.destroy());
  });
  async function handOn(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    if (body === null) {
      refuse(outgoing, 413, 'more than any request has');
      return;
    }
    turn += 1;
    const order = services.map((_, at) => services[(turn + at) % services.length] ?? '');
    const isSafe = incoming.method !== 'POST' || incoming.url?.startsWith('/webhooks/') === true;
    for (const service of isSafe ? order : order.slice(0, 1)) {
      if (await pass(service, incoming, body, outgoing)) return;
    }
    refuse(outgoing, 503, 'no service answers');
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${ownPort}`,
    use: (urls) => {
      services = urls;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) return null;
    pieces.push(buffer);
  }
  return Buffer.concat(pieces);
}

/** False when the service was gone before it had answered anything. */
function pass(
  service: string,
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
): Promise<boolean> {
  return new Promise((resolve) => {
    const { method, headers, url } = incoming;
    const asked = request(`${service}${url}`, { method, headers, timeout: ANSWER_WITHIN_MS }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.once('error', () => outgoing.destroy());
      resolve(true);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(outgoing.headersSent));
    asked.end(body);
  });
}

function refuse(outgoing: ServerResponse, status: number, why: string): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain' });
  outgoing.end(`${why}\n`);
}
