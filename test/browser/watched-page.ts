import { readFileSync } from 'node:fs';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { API_TOKEN } from './built-service.js';

/** A page of a test that fails if it causes what no page of ours may ever cause. */
export interface WatchedPage {
  readonly page: Page;
}

interface WatchedOptions extends BrowserContextOptions {
  /** The one complaint that a test provokes: browsers call an answer such as 404 an error. */
  readonly except?: RegExp;
  /** Other hosts that may be asked, for the Messenger; the test answers for them. */
  readonly guests?: (context: BrowserContext) => Promise<RegExp>;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    // The kernel of a container does not let Chromium build its own sandbox.
    args: ['--no-sandbox'],
  });
}

/**
 * Whatever the test is about, at its end there must have been no error or warning on the console, no script error, no
 * refusal of the content policy and no request to another host.
 */
export async function openPage(
  browser: Browser,
  url: string,
  { except, guests, ...options }: WatchedOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL: url, acceptDownloads: true, ...options });
  const mayAsk = await guests?.(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string): void => {
    if (except?.test(text) !== true) complaints.push(text);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`script: ${error.message}`));
  page.on('request', (request) => {
    const asked = request.url();
    if (asked.startsWith(`${url}/`) || asked.startsWith('data:') || mayAsk?.test(asked) === true) return;
    complain(`request: ${asked}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      // oxlint-disable-next-line no-console -- the console is what the test listens to
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  return { page };
}

export async function signIn({ page }: WatchedPage, path = '/intercom'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Token').fill(API_TOKEN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

const AXE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

interface AxeFinding {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Serious and critical findings; the script comes in through the debugger, which the page's policy does not bind. */
export async function findBarriers(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<{ readonly violations: readonly AxeFinding[] }>(
    `${AXE}; axe.run(document, { resultTypes: ['violations'] })`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}
