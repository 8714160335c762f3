/*
 * `exporter.ts <address> <token>`: downloads an export again and again, until it is stopped. It stands for a client on
 * another machine: what it reads the export with shall not hold up the one that sends webhooks.
 */

const [address = '', token = ''] = process.argv.slice(2);
let isFirst = true;
for (;;) {
  const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200 || answer.body === null) throw new Error(`${address}: ${answer.status}`);
  for await (const piece of answer.body) {
    if (isFirst && piece.length > 0) console.log(`listening ${address}`);
    isFirst = false;
  }
}
