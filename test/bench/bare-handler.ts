import { createHmac, timingSafeEqual } from 'node:crypto';
import { createAdaptorServer } from '@hono/node-server';
import Database from 'better-sqlite3';
import { Hono } from 'hono';

/**
 * The baseline: the shortest handler that does the same promise. It verifies, does one INSERT with
 * `synchronous = FULL`, and answers; with a second word it then sends the same PUT in a straight line.
 *
 *     bare-handler.ts <database> <client secret> [<Intercom base> <token>]
 */
const [path = '', secret = '', apiBase, token = ''] = process.argv.slice(2);
const database = new Database(path);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('create table notification (id text primary key, topic text, body blob, received_at integer)');
const insert = database.prepare('insert or ignore into notification values (?, ?, ?, ?)');

const app = new Hono();
app.post('/webhooks/intercom', async (context) => {
  const body = Buffer.from(await context.req.arrayBuffer());
  const expected = Buffer.from(`sha1=${createHmac('sha1', secret).update(body).digest('hex')}`);
  const given = Buffer.from(context.req.header('x-hub-signature') ?? '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return context.body(null, 401);
  const notification = JSON.parse(body.toString());
  insert.run(notification.id, notification.topic, body, Date.now());
  if (apiBase !== undefined && notification.topic === 'conversation.admin.closed')
    void writeBack(notification.data.item);
  return context.body(null, 200);
});

/** What a straight-line script would do with a closed call: the same PUT, with what stands in the payload. */
async function writeBack(conversation: {
  contacts: { contacts: { id: string }[] };
  statistics: { last_close_at: string };
}): Promise<void> {
  const contactId = conversation.contacts.contacts[0]?.id ?? '';
  const closedAt = Math.floor(Date.parse(conversation.statistics.last_close_at) / 1000);
  const answer = await fetch(`${apiBase}/contacts/${contactId}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'intercom-version': '2.14',
    },
    body: JSON.stringify({ custom_attributes: { 'Last Coaching Session': closedAt, 'Last Call': closedAt } }),
  });
  await answer.json();
}

const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`listening http://127.0.0.1:${port}\n`);
});
