import { bringUpToDate } from './bring-up-to-date.js';

const MAX_WAIT_MS = 30_000;

/**
 * Asks for the page again every `everyMs` while it is looked at, and brings the regions marked `data-live` up to date.
 * The server answers 304 while nothing has changed. A button stops and resumes it.
 */
export function keepLive(everyMs: number): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-live]')];
  const button = document.querySelector<HTMLButtonElement>('#live-button');
  const notice = document.querySelector<HTMLElement>('#live-notice');
  let entityTag = '';
  let failures = 0;
  let timer = 0;
  let isPaused = false;

  const wait = (): void => {
    clearTimeout(timer);
    const delayMs = Math.min(MAX_WAIT_MS, everyMs * 2 ** Math.min(failures, 5));
    if (!isPaused) timer = window.setTimeout(() => void refresh(), delayMs);
  };

  const refresh = async (): Promise<void> => {
    if (document.visibilityState === 'hidden') return;
    try {
      const answer = await fetch(location.href, {
        headers: entityTag === '' ? {} : { 'if-none-match': entityTag },
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
      });
      // The session has ended: the page itself leads to the sign-in.
      if (answer.type === 'opaqueredirect') return location.reload();
      if (answer.status === 200) {
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
        entityTag = answer.headers.get('etag') ?? '';
        for (const region of regions) {
          const next = fresh.getElementById(region.id);
          if (next !== null) bringUpToDate(region, next);
        }
      } else if (answer.status !== 304) throw new Error(`answered ${answer.status}`);
      failures = 0;
    } catch {
      failures += 1;
    }
    if (notice !== null) notice.hidden = failures < 2;
    wait();
  };

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && !isPaused) void refresh();
  });
  button?.addEventListener('click', () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? 'Resume updates' : 'Pause updates';
    if (isPaused) clearTimeout(timer);
    else void refresh();
  });
  if (button !== null) button.hidden = false;
  wait();
}
