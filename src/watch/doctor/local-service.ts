import { signBody } from '../../intercom/signature.js';

/** The service on this machine, asked as anybody else could ask it. */
export interface LocalService {
  readonly url: string;
  /** Whether this product answers there. */
  isRunning(): Promise<boolean>;
  /** Status of the answer to a ping signed with `secret`. */
  ping(secret: string): Promise<number>;
  /** Webhook requests since it was started, by result; null when it doesn't tell. */
  webhookCounts(): Promise<ReadonlyMap<string, number> | null>;
}

export interface LocalServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly apiToken: string | undefined;
  /** In place of the network. */
  readonly send?: (request: Request) => Response | Promise<Response>;
}

const TIMEOUT_MS = 5000;
const COUNT = /^engagement_webhooks_total\{[^}]*\bresult="(\w+)"[^}]*\} (\d+)$/gm;

export function createLocalService(options: LocalServiceOptions): LocalService {
  const url = `http://${reachable(options.host)}:${options.port}`;
  const send = options.send ?? ((request: Request) => fetch(request));
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
    send(new Request(`${url}${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }));

  return {
    url,
    isRunning: async () => {
      try {
        const answer = await ask('/healthz');
        return answer.status === 200 && (await answer.text()) === '{"status":"ok"}';
      } catch {
        // Refused, or no answer in time: all the same here.
        return false;
      }
    },
    ping: async (secret) => {
      const body = new TextEncoder().encode(
        JSON.stringify({
          type: 'notification_event',
          id: null,
          topic: 'ping',
          data: { type: 'notification_event_data', item: { type: 'ping', message: 'doctor' } },
        }),
      );
      const headers = { 'content-type': 'application/json', 'x-hub-signature': signBody(body, secret) };
      return (await ask('/webhooks/intercom', { method: 'POST', headers, body })).status;
    },
    webhookCounts: async () => {
      const { apiToken } = options;
      const answer = await ask('/metrics', {
        headers: apiToken === undefined ? {} : { authorization: `Bearer ${apiToken}` },
      });
      if (answer.status !== 200) return null;
      const counts = new Map<string, number>();
      for (const [, result = '', count] of (await answer.text()).matchAll(COUNT)) {
        counts.set(result, (counts.get(result) ?? 0) + Number(count));
      }
      return counts;
    },
  };
}

/** An address that means "every interface" is asked on this machine's own. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
