import { signBody } from '../intercom/signature.js';
import type { WorkspaceSettings } from './settings.js';

/** An address, or a receiver in this process such as a Hono app's `request`. */
export type WebhookTarget = string | URL | ((request: Request) => Response | Promise<Response>);

/** Status of the answer, or why there was none. */
export type PostResult = number | 'timeout' | 'unreachable';

const USER_AGENT = 'intercom-parrot-service-client/1.0';
/** Where a receiver in this process is addressed. */
const IN_PROCESS_URL = 'http://receiver.sandbox.example/webhooks/intercom';

/** Signs and sends one attempt, and waits for the answer as long as Intercom does. */
export async function postNotification(
  settings: WorkspaceSettings,
  target: WebhookTarget | undefined,
  body: Uint8Array,
): Promise<PostResult> {
  const timeout = new AbortController();
  const answered = new AbortController();
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'User-Agent': USER_AGENT,
    'X-Hub-Signature': signBody(body, settings.clientSecret),
    Accept: '*/*',
  };
  const answer = async (): Promise<number | 'unreachable'> => {
    try {
      const response = await callTarget(target, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
        signal: timeout.signal,
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      // Refused, broken or timed out: all that Intercom sees is that no answer came.
      return 'unreachable';
    }
  };
  const tooLate = async (): Promise<'timeout'> => {
    await settings.clock.sleep(settings.deliveryTimeoutMs, answered.signal);
    return 'timeout';
  };
  const result = await Promise.race([answer(), tooLate()]);
  answered.abort();
  timeout.abort();
  return result;
}

export async function callTarget(target: WebhookTarget | undefined, init: RequestInit): Promise<Response> {
  if (target === undefined) throw new Error('No webhook address is set');
  if (typeof target === 'function') return target(new Request(IN_PROCESS_URL, init));
  return fetch(target, init);
}
