import { expect, test } from 'vitest';
import { clientAddress, clientKey } from '../src/http/client-address.js';
import { trustProxies } from '../src/config/trusted-proxies.js';

const trusts = trustProxies(['loopback', '10.0.0.0/8']);

test.each([
  ['203.0.113.5', undefined, '203.0.113.5'],
  ['203.0.113.5', '198.51.100.7', '203.0.113.5'],
  ['127.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['::ffff:127.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['::1', '198.51.100.7, 10.2.3.4', '198.51.100.7'],
  ['10.2.3.4', '1.2.3.4, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
  ['10.2.3.4', '10.1.1.1, 10.9.9.9', '10.1.1.1'],
  ['10.2.3.4', '198.51.100.7:41230', '198.51.100.7'],
  ['10.2.3.4', '[2001:db8::7]:41230', '2001:db8::7'],
  ['10.2.3.4', '', '10.2.3.4'],
  ['10.2.3.4', ' , ,', '10.2.3.4'],
  ['::ffff:203.0.113.5', undefined, '203.0.113.5'],
  ['unknown', '198.51.100.7', 'unknown'],
])('%s that says %s is %s', (peer, forwardedFor, client) => {
  expect(clientAddress(peer, forwardedFor, trusts)).toBe(client);
});

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['2001:db8:0:7:a:b:c:d', '2001:db8:0:7::/64'],
  ['2001:DB8:0:7::1', '2001:db8:0:7::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['no address', 'unknown'],
  ['1.2.3.4.5', 'unknown'],
  ['', 'unknown'],
])('%s is counted as %s', (address, key) => {
  expect(clientKey(address)).toBe(key);
});
