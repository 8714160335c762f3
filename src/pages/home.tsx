import type { GlossaryEntry } from '../rules/glossary.js';
import type { Freshness } from '../store/store.js';
import { engagement } from '../reports/engagement.js';
import { PAGES } from './addresses.js';
import { FreshnessLine } from './parts/freshness.js';
import type { View } from './render.js';
import type { Child } from 'hono/jsx';

export interface HomeFacts {
  readonly freshness: Freshness;
  readonly glossary: readonly GlossaryEntry[];
  readonly timeZone: string;
  readonly headline: Child;
}

/** Headline figures, every report with its purpose, freshness, and the words. */
export function homeView({ freshness, glossary, timeZone, headline }: HomeFacts): View {
  return {
    title: 'Home',
    current: '/intercom',
    body: () => (
      <>
        <h1>Coaching engagement</h1>
        <FreshnessLine freshness={freshness} zone={timeZone} />
        {headline}
        <h2>Reports</h2>
        <ul class="report-list">
          {PAGES.slice(1).map(({ path, name, purpose }) => (
            <li>
              <a href={path}>{name}</a>: {purpose}
            </li>
          ))}
          <li>
            <a href={`${engagement.path}?format=csv`} download>
              {engagement.title}
            </a>
            : {engagement.purpose}
          </li>
        </ul>
        <h2 id="glossary">What the words mean</h2>
        <dl class="glossary">
          {glossary.map(({ term, meaning }) => (
            <div>
              <dt>{term}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </>
    ),
  };
}
