import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import { createSandbox, dig } from './sandbox-ask.js';

/** A notification as it arrived. */
interface Received {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly body: unknown;
}

/** A workspace whose notifications arrive in `received`; `answers` are the statuses given, 200 once they run out. */
export function createReceiver(options: WorkspaceOptions = {}, answers: number[] = []) {
  const sandbox = createSandbox(options);
  const received: Received[] = [];
  sandbox.workspace.webhooks.deliverTo(async (request) => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
    received.push({ headers: request.headers, bytes, body });
    return new Response(null, { status: answers.shift() ?? 200 });
  });
  const topics = () => received.map(({ body }) => dig(body, ['topic']));
  return { ...sandbox, received, topics };
}
