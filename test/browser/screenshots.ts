import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { startBuiltService } from './built-service.js';
import { launchBrowser, signIn } from './watched-page.js';

/**
 * `npm run screenshots`: the pictures of the README, from the built program on invented members. `npm run screenshots
 * -- <directory>` takes every page, at the widths of a desk and of a phone, light and dark, for looking at.
 */
const IN_README: Readonly<Record<string, { readonly height: number }>> = {
  'home-desk-light': { height: 690 },
  'member-desk-light': { height: 555 },
  'caseload-phone-dark': { height: 1130 },
};
const SIZES = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

const [directory] = process.argv.slice(2);
const running = await startBuiltService({ members: 300, workspace: { seed: 5 } });
const browser = await launchBrowser();
try {
  await running.filled();
  await takeAll(browser);
} finally {
  await browser.close();
  await running.stop();
}

async function takeAll(from: Browser): Promise<void> {
  const target = directory ?? join(import.meta.dirname, 'screenshots');
  mkdirSync(target, { recursive: true });
  const pages = pagesToShow();
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await from.newContext({ baseURL: running.url, colorScheme, viewport });
      const page = await context.newPage();
      await signIn({ page });
      for (const [name, path] of Object.entries(pages)) {
        const picture = `${name}-${size}-${colorScheme}`;
        const shown = IN_README[picture];
        if (directory === undefined && shown === undefined) continue;
        await page.goto(path);
        await page.setViewportSize({ ...viewport, ...(directory === undefined ? shown : {}) });
        await page.screenshot({ path: join(target, `${picture}.png`), fullPage: directory !== undefined });
      }
      await context.close();
    }
  }
}

function pagesToShow(): Readonly<Record<string, string>> {
  const atRisk = running.workspace
    .contacts()
    .find(({ customAttributes }) => customAttributes['Engagement Status'] === 'At Risk');
  return {
    home: '/intercom',
    caseload: '/intercom/caseload',
    sessions: '/intercom/sessions',
    'new-participants': '/intercom/new-participants',
    billing: '/intercom/billing',
    upcoming: '/intercom/upcoming',
    'data-quality': '/intercom/data-quality',
    member: `/intercom/members/${atRisk?.id ?? ''}`,
    activity: '/intercom/activity',
    wrong: '/intercom/caseload?lookbackDays=999&channel=Phone',
    nothing: '/intercom/nothing',
  };
}
