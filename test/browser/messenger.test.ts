import { verify } from 'hono/jwt';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBuiltService, type BuiltService } from './built-service.js';
import { launchBrowser, openPage, signIn } from './watched-page.js';

const SECRET = 'a-messenger-api-secret';

let browser: Browser;
let running: BuiltService;

beforeAll(async () => {
  browser = await launchBrowser();
  running = await startBuiltService({
    members: 20,
    env: { INTERCOM_APP_ID: 'ab12cd34', INTERCOM_MESSENGER_SECRET: SECRET },
  });
  await running.filled();
});
afterAll(async () => {
  await browser.close();
  await running.stop();
});

/** Stands in for Intercom's widget: keeps what it is called with, as the real one would be. */
const WIDGET = `
  const calls = [...(window.Intercom?.q ?? []).map((args) => [...args])];
  window.Intercom = (...args) => calls.push(args);
  window.heard = () => ({ settings: window.intercomSettings ?? null, calls });`;

/** Answers for the Messenger's hosts, so that nothing leaves this machine; says which ones were asked. */
async function answerAsIntercom(context: BrowserContext, asked: string[]): Promise<RegExp> {
  const hosts = /^https:\/\/(?:widget\.intercom\.io|js\.intercomcdn\.com)\//;
  await context.route(hosts, async (route) => {
    asked.push(route.request().url());
    await route.fulfill({ contentType: 'text/javascript', body: WIDGET });
  });
  return hosts;
}

test('the Messenger is told on every page who is signed in, by a signature of the server', async () => {
  const asked: string[] = [];
  const watched = await openPage(browser, running.url, {
    guests: (context) => answerAsIntercom(context, asked),
  });
  const { page } = watched;
  await page.goto('/sign-in');
  await page.waitForLoadState('networkidle');
  expect(asked).toEqual([]);

  await signIn(watched, '/intercom');
  const people = new Set<unknown>();
  for (const path of ['/intercom', '/intercom/caseload', '/intercom/activity']) {
    await page.goto(path);
    await page.waitForFunction('typeof window.heard === "function"');
    const heard = JSON.stringify(await page.evaluate('window.heard()'));
    expect(heard).toContain('"app_id":"ab12cd34"');
    const jwt = /"intercom_user_jwt":"([^"]+)"/.exec(heard)?.[1] ?? '';
    const claims = await verify(jwt, SECRET, 'HS256');
    people.add(claims['user_id']);
  }
  expect([...people]).toEqual([expect.stringMatching(/^reports-[\w-]{16}$/)]);
  expect(new Set(asked)).toEqual(new Set(['https://widget.intercom.io/widget/ab12cd34']));
});

test('with the Messenger no other host is allowed either', async () => {
  const asked: string[] = [];
  const watched = await openPage(browser, running.url, {
    guests: (context) => answerAsIntercom(context, asked),
    except: /elsewhere\.example/,
  });
  await signIn(watched, '/intercom');
  const refused = await watched.page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.blockedURI));
        const script = document.createElement('script');
        script.src = 'https://elsewhere.example/x.js';
        document.head.append(script);
      }),
  );
  expect(refused).toBe('https://elsewhere.example/x.js');
});
