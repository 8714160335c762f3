import type { Context } from 'hono';
import { nowAt, type Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import { engagement } from '../reports/engagement.js';
import { reportContext } from '../reports/report.js';
import { glossary, type GlossaryEntry } from '../rules/glossary.js';
import type { ReportStore } from '../store/ports/reports.js';
import type { Store } from '../store/ports/store.js';
import type { ShownTime } from '../watch/time-check.js';
import { PAGES } from './addresses.js';
import { showAttention } from './home/attention.js';
import { showHeadline } from './home/headline.js';
import { BackfillNotice, failedFirstBackfill } from './parts/backfill-notice.js';
import { ClockNotice } from './parts/clock-notice.js';
import { FreshnessLine } from './parts/freshness.js';
import { OutageNotice } from './parts/outage-notice.js';
import { SilenceNotice } from './parts/silence-notice.js';
import type { Render } from './render.js';

export interface HomePageDeps {
  readonly store: Pick<Store, 'freshness' | 'countParked' | 'latestRun' | 'latestDoneRun'>;
  readonly reports: ReportStore;
  readonly clock: Clock;
  readonly time: ShownTime;
  readonly outage: Breaker['outage'];
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  readonly render: Render;
}

/** What wants attention, headline figures, every report with its purpose, freshness, and the words. */
export async function showHome(deps: HomePageDeps, context: Context): Promise<Response> {
  const about = reportContext(deps.reports, nowAt(deps.clock), deps.timeZone);
  const freshness = await deps.store.freshness();
  const [attention, headline, unfilled] = await Promise.all([
    showAttention(about, await deps.store.countParked()),
    showHeadline(about),
    failedFirstBackfill(deps.store),
  ]);
  return deps.render(context, {
    title: 'Home',
    current: '/intercom',
    body: () => (
      <>
        <h1>Coaching engagement</h1>
        <BackfillNotice run={unfilled} zone={deps.timeZone} />
        <ClockNotice time={deps.time} />
        <OutageNotice outage={deps.outage()} zone={deps.timeZone} />
        <SilenceNotice freshness={freshness} zone={deps.timeZone} />
        <FreshnessLine freshness={freshness} zone={deps.timeZone} />
        {attention}
        {headline}
        <h2>Reports</h2>
        <ul class="report-list">
          {PAGES.slice(1).map(({ path, name, purpose }) => (
            <ReportItem href={path} name={name} purpose={purpose} />
          ))}
          <ReportItem
            href={`${engagement.path}?format=csv&bom=true`}
            name={`${engagement.title} (download)`}
            purpose={engagement.purpose}
            isFile
          />
        </ul>
        <h2 id="glossary">Glossary</h2>
        <Glossary entries={glossary(deps)} />
      </>
    ),
  });
}

interface ReportItemProps {
  readonly href: string;
  readonly name: string;
  readonly purpose: string;
  readonly isFile?: boolean;
}

function ReportItem({ href, name, purpose, isFile = false }: ReportItemProps) {
  return (
    <li>
      <a href={href} download={isFile}>
        {name}
      </a>
      <p>{purpose}</p>
    </li>
  );
}

function Glossary({ entries }: { readonly entries: readonly GlossaryEntry[] }) {
  return (
    <dl class="glossary">
      {entries.map(({ term, meaning }) => (
        <div>
          <dt>{term}</dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
