import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../src/config/settings.js';
import { SCOPES } from '../src/intercom/scopes.js';
import { CHORES } from '../src/watch/metrics/chore-gauges.js';
import { SUBSCRIBED_TOPICS, topicKind } from '../src/intercom/topics.js';
import { runCommand } from './support/command-line.js';
import { anchorsIn, documentAt, DOCUMENTS, linksIn, sectionOf } from './support/documents.js';
import { createHarness } from './support/harness.js';

const GUIDE = documentAt('wrangler-free.md');
const OPERATING = documentAt('docs/operating.md');

/** Metric names with a type, as a scrape lists them. */
async function scrapedNames(): Promise<string[]> {
  const harness = await createHarness();
  harness.metrics.measureProcess();
  const text = await (await harness.get('/metrics')).text();
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
}

/** The metrics that an expression asks for; a histogram by the name of its parts. */
function metricsIn(expression: string): string[] {
  const names = expression.matchAll(/\b(?:engagement|process|nodejs)_[a-z0-9_]+/g);
  return [...names].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ''));
}

describe('the guide says of Intercom what the program needs', () => {
  const topicsIn = (text: string): string[] => [
    ...new Set(
      [...text.matchAll(/\b(?:conversation|contact)\.[a-z_]+(?:\.[a-z_]+)*/g)].map(([name]) => name),
    ),
  ];

  test('the topics', () => {
    const list = /the topics are these[^]*?```\n([^]*?)```/.exec(GUIDE)?.[1] ?? '';
    expect(topicsIn(list)).toEqual([...SUBSCRIBED_TOPICS]);
    const unknown = SUBSCRIBED_TOPICS.filter((topic) => ['ignored', 'ping'].includes(topicKind(topic)));
    expect(unknown).toEqual([]);
  });

  test('the permissions', () => {
    const table = /\| permission[^]*?\n\n/.exec(GUIDE)?.[0] ?? '';
    expect([...table.matchAll(/^ *\| `([^`]+)`/gm)].map(([, name]) => name)).toEqual(Object.values(SCOPES));
  });
});

const EXPRESSION = /"expr":("(?:[^"\\]|\\.)*")/g;

/** What each process says of itself; all others describe the database, and every process says the same of it. */
const OF_ONE_PROCESS: ReadonlySet<string> = new Set([
  'engagement_store_writable',
  'engagement_store_fit',
  'engagement_chore_age_seconds',
  'engagement_chore_failures',
  'engagement_clock_ahead_seconds',
  'engagement_intercom_available',
  'engagement_intercom_paused_seconds',
  'engagement_intercom_calls_in_flight',
  'engagement_intercom_calls_waiting',
  'engagement_build_info',
]);

/** Counters and histograms. */
async function countedNames(): Promise<ReadonlySet<string>> {
  const harness = await createHarness();
  const text = await (await harness.get('/metrics')).text();
  return new Set([...text.matchAll(/^# TYPE (\w+) (?:counter|histogram)$/gm)].map(([, name = '']) => name));
}

/** The metrics that an expression asks for, each with the functions around it. */
function metricsUsed(expression: string): { readonly name: string; readonly within: readonly string[] }[] {
  return [...expression.matchAll(/\b(?:engagement|process|nodejs)_\w+/g)].map(({ 0: name, index }) => {
    const within: string[] = [];
    let depth = 0;
    for (let at = index - 1; at >= 0; at -= 1) {
      if (expression[at] === ')') depth += 1;
      if (expression[at] !== '(') continue;
      if (depth > 0) depth -= 1;
      else within.push(/(\w+)(?:\s+by\s+\([^)]*\))?\s*$/.exec(expression.slice(0, at))?.[1] ?? '');
    }
    return { name, within };
  });
}

describe('metrics, their descriptions, alerts and dashboard agree', () => {
  test('each metric of ours is described, and each described one is there', async () => {
    const table = /^\| metric[^]*?\n\n/m.exec(OPERATING)?.[0] ?? '';
    const described = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
    const ours = (await scrapedNames()).filter((name) => name.startsWith('engagement_'));
    expect(described.toSorted()).toEqual(ours.toSorted());
  });

  test('alerts ask for metrics that are there, and say what is wrong', async () => {
    const names = new Set(await scrapedNames());
    const rules: unknown = parse(readFileSync('src/watch/monitoring/alerts.yml', 'utf8'));
    expect(rules).toEqual({ groups: [{ name: 'intercom-engagement', rules: expect.any(Array) }] });
    const expressions = [...JSON.stringify(rules).matchAll(/"expr":("(?:[^"\\]|\\.)*")/g)].map(
      ([, text]) => text ?? '',
    );
    expect(expressions.length).toBeGreaterThan(10);
    expect(expressions.flatMap(metricsIn).filter((name) => !names.has(name))).toEqual([]);
    const wellFormed = expect.objectContaining({
      alert: expect.stringMatching(/^Engagement[A-Za-z]+$/),
      expr: expect.any(String),
      labels: { severity: expect.stringMatching(/^(?:page|ticket)$/) },
      annotations: { summary: expect.stringMatching(/[.?]$/) },
    });
    expect(rules).toMatchObject({ groups: [{ rules: expressions.map(() => wellFormed) }] });
  });

  test('with several processes the gauges of the database count once, and counters all of them', async () => {
    const rules = readFileSync('src/watch/monitoring/alerts.yml', 'utf8');
    const dashboard = readFileSync('src/watch/monitoring/grafana-dashboard.json', 'utf8');
    const expressions = [
      ...[...JSON.stringify(parse(rules)).matchAll(EXPRESSION)].map(([, text = '']) => text),
      ...[...JSON.stringify(JSON.parse(dashboard)).matchAll(EXPRESSION)].map(([, text = '']) => text),
    ].map((text) => String(JSON.parse(text)));
    const counters = await countedNames();
    const wrong = expressions.flatMap((expression) =>
      metricsUsed(expression).flatMap(({ name, within }) => {
        const base = name.replace(/_(?:bucket|sum|count)$/, '');
        const isRight = counters.has(base)
          ? within.includes('sum')
          : !name.startsWith('engagement_') || OF_ONE_PROCESS.has(name)
            ? true
            : within.includes('max') && !within.includes('sum');
        return isRight ? [] : [`${name} in ${expression}`];
      }),
    );
    expect(expressions.length).toBeGreaterThan(60);
    expect(wrong).toEqual([]);
  });

  test('each alert has a line that says what to do', () => {
    const rules = readFileSync('src/watch/monitoring/alerts.yml', 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)[^]*?severity: (\w+)/g)].map(([, name, severity]) => ({
      name,
      severity,
    }));
    const lines = sectionOf(OPERATING, '## Alerts').matchAll(/^\| `(\w+)` +\| (\w+) +\| \S/gm);
    expect(alerts.length).toBeGreaterThan(20);
    expect([...lines].map(([, name, severity]) => ({ name, severity }))).toEqual(alerts);
  });

  test('each chore has a gauge that an alert asks for by its name', async () => {
    const harness = await createHarness();
    const text = await (await harness.get('/metrics')).text();
    const shown = [...text.matchAll(/^engagement_chore_age_seconds\{chore="(\w+)"\}/gm)].map(
      ([, name]) => name,
    );
    const alerts = readFileSync('src/watch/monitoring/alerts.yml', 'utf8');
    const asked = [...alerts.matchAll(/engagement_chore_age_seconds\{chore="(\w+)"\} > \d+/g)].map(
      ([, name]) => name,
    );
    expect(shown).toEqual([...CHORES]);
    expect(new Set(asked)).toEqual(new Set(CHORES));
  });

  test('the dashboard asks for metrics that are there, and leaves none of ours out', async () => {
    const names = await scrapedNames();
    const dashboard: unknown = JSON.parse(
      readFileSync('src/watch/monitoring/grafana-dashboard.json', 'utf8'),
    );
    const asked = metricsIn(JSON.stringify(dashboard));
    expect(asked.filter((name) => !names.includes(name))).toEqual([]);
    const ours = names.filter((name) => name.startsWith('engagement_'));
    expect(ours.filter((name) => !asked.includes(name))).toEqual([]);
  });
});

describe('what the documents tell to look for is there', () => {
  test('log lines and results', () => {
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => readFileSync(join('src', name), 'utf8'))
      .join('\n');
    const looked = sectionOf(OPERATING, '## What happens if …').matchAll(/^- You see: ([^]*?)(?=^- )/gm);
    const quoted = [...looked].flatMap(([, text = '']) =>
      [...text.matchAll(/`([^`]+)`/g)].map(([, words = '']) => words.replaceAll(/\s+/g, ' ')),
    );
    // What a person or Intercom adds stands behind a bracket or an ellipsis.
    const messages = quoted
      .map((words) => words.replace(/^failed: | *[(…].*$/g, ''))
      .filter((words) => / |_/.test(words));
    const isMetric = (words: string): boolean => /^engagement_|^SQLITE_|=/.test(words);
    const missing = messages.filter((words) => !isMetric(words) && !source.includes(words));
    expect(quoted.length).toBeGreaterThan(25);
    expect(missing).toEqual([]);
  });
});

describe('what the documents tell to type is there', () => {
  test('commands and their options', async () => {
    const typed = DOCUMENTS.flatMap(({ text }) => [
      ...text.matchAll(/(?:^engagement|dist\/main\.js) ([a-z-]+)((?: [^\n>|`]*)?)/gm),
    ]);
    expect(typed.length).toBeGreaterThan(15);
    for (const [, command = '', rest = ''] of typed) {
      const report = command === 'report' ? (/^ [a-z-]+/.exec(rest)?.[0].trim() ?? '') : '';
      const words = [command, report].filter((word) => word !== '');
      const { status, stdout } = await runCommand([...words, '--help']);
      expect({ command, status }).toEqual({ command, status: 0 });
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(stdout).toContain(`${option} `);
    }
  });

  test('settings', () => {
    const named = DOCUMENTS.flatMap(({ text }) =>
      [...text.matchAll(/\b([A-Z]+(?:_[A-Z]+)+)\b/g)].map(([, name = '']) => name),
    );
    // Of sockets, of SQLite, of the tests, and in the source.
    const others = new Set([
      'AF_INET',
      'AF_UNIX',
      'CHROMIUM_PATH',
      'DATABASE_URL',
      'DERIVED_BY',
      'INTERCOM_OPENAPI_DIR',
      'SQLITE_BUSY',
      'SQLITE_READONLY',
    ]);
    expect([...new Set(named)].filter((name) => !VARIABLES.includes(name) && !others.has(name))).toEqual([]);
  });

  test('the paths of the service are where its settings say', () => {
    const unit = /```ini\n(\[Unit\][^]*?)```/.exec(GUIDE)?.[1] ?? '';
    const state = /^StateDirectory=(.+)$/m.exec(unit)?.[1] ?? 'none';
    for (const name of ['DATABASE_PATH', 'EXPORT_DIR']) {
      expect(GUIDE).toMatch(new RegExp(`^${name}=/var/lib/${state}/`, 'm'));
    }
    for (const line of ['NoNewPrivileges=true', 'ProtectSystem=strict', 'CapabilityBoundingSet=']) {
      expect(unit.split('\n')).toContain(line);
    }
  });
});

describe('the package that npm makes', () => {
  const { files } = packageJson();
  /** As npm reads `files`: a file, a directory with all in it, or the files of one kind in a directory; some are always in. */
  const isPacked = (path: string): boolean =>
    /^(?:README\.md|LICENSE|package\.json)$/.test(path) ||
    files.some((entry) => path === entry || path.startsWith(`${entry}/`) || isOfKind(path, entry));

  const isOfKind = (path: string, entry: string): boolean => {
    const [directory, ending] = entry.split('*');
    return ending !== undefined && path.startsWith(directory ?? '') && path.endsWith(ending);
  };

  test.each(DOCUMENTS)('holds $path and what it links to', ({ path, text }) => {
    const targets = linksIn(text)
      .filter((target) => !isElsewhere(target))
      .map((target) => pathOf(path, target));
    expect([path, ...targets].filter((target) => !isPacked(target))).toEqual([]);
  });

  test('names nothing that is not there', () => {
    const there = (entry: string): boolean => existsSync(entry.replace(/\/\*.*$/, ''));
    expect(files.filter((entry) => entry !== 'dist' && !there(entry))).toEqual([]);
  });
});

describe('the container', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');

  test('holds what the program needs, and starts the service as somebody without rights', () => {
    for (const name of ['dist', 'drizzle'])
      expect(dockerfile).toContain(`COPY --from=build /app/${name} ./${name}`);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", "dist\/main\.js"\]\nCMD \["serve"\]$/m);
    const variables = [...dockerfile.matchAll(/\b([A-Z]+(?:_[A-Z]+)*)=/g)].map(([, name = '']) => name);
    expect(variables.filter((name) => name !== 'NODE_ENV' && !VARIABLES.includes(name))).toEqual([]);
  });

  test('is built without secrets and data of the directory, and with all that the build reads', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    for (const name of ['.env', '.env.*', 'data', 'exports', 'node_modules', '.git'])
      expect(ignored).toContain(name);
    const needed = ['src', 'drizzle', 'package.json', 'package-lock.json', 'pages.config.ts'];
    expect(
      [...needed, 'tsconfig.json', 'tsconfig.build.json'].filter((name) => ignored.includes(name)),
    ).toEqual([]);
  });
});

describe('the documents', () => {
  test('are short enough to be read', () => {
    expect(documentAt('README.md').trimEnd().split('\n').length).toBeLessThan(200);
    const long = DOCUMENTS.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, at) =>
          line.length > 160 ? [`${path}:${at + 1} has ${line.length} characters`] : [],
        ),
    );
    expect(long).toEqual([]);
  });

  test('link to what is there', () => {
    const links = DOCUMENTS.flatMap(({ path, text }) =>
      linksIn(text).flatMap((target) => (isElsewhere(target) ? [] : [{ path, target }])),
    );
    expect(links.length).toBeGreaterThan(100);
    const leadsSomewhere = ({ path, target }: { path: string; target: string }): boolean => {
      const [, anchor] = target.split('#');
      const file = pathOf(path, target);
      return existsSync(file) && (anchor === undefined || anchorsIn(documentAt(file)).has(`#${anchor}`));
    };
    expect(links.filter((link) => !leadsSomewhere(link))).toEqual([]);
  });

  test('map every directory of the source, and no other', () => {
    const map = sectionOf(documentAt('README.md'), '## Source map');
    const mapped = [...map.matchAll(/^- ((?:`[^`]+`(?:, )?)+): /gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    expect(mapped.filter((name) => !existsSync(name))).toEqual([]);
    const directories = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const isMapped = (directory: string): boolean =>
      mapped.some((name) => name.startsWith(`src/${directory}/`));
    expect(directories.map(({ name }) => name).filter((name) => !isMapped(name))).toEqual([]);
  });

  test('are each reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const text = DOCUMENTS.find((document) => document.path === path)?.text ?? '';
      for (const target of linksIn(text)) if (!isElsewhere(target)) reached.add(pathOf(path, target));
    }
    expect(DOCUMENTS.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  test('decide one thing each, numbered without a gap', () => {
    const decisions = DOCUMENTS.filter(({ path }) => /^docs\/decisions\/(?!README)/.test(path));
    const numbers = decisions.map(({ path }) => Number(/^(\d{4})-[a-z0-9-]+\.md$/.exec(basename(path))?.[1]));
    expect(numbers).toEqual(decisions.map((_, at) => at + 1));
    expect(numbers.length).toBeGreaterThan(0);
    for (const { path, text } of decisions) {
      expect({ path, headings: text.match(/^#+ .+$/gm)?.slice(1) }).toEqual({
        path,
        headings: ['## Context', '## Decision', '## Consequences'],
      });
      const [, title = '', on = ''] = /^# (.+)\n\nDate: (\d{4}-\d{2}-\d{2})\n\n/.exec(text) ?? [];
      expect(Number.isNaN(Date.parse(on))).toBe(false);
      const entry = `- [${basename(path).slice(0, 4)}: ${title}](${basename(path)}), ${on}`;
      expect(documentAt('docs/decisions/README.md').split('\n')).toContain(entry);
    }
  });
});

function isElsewhere(target: string): boolean {
  return /^(?:https?|mailto):/.test(target);
}

/** The file that a link in a document leads to. */
function pathOf(document: string, target: string): string {
  const [file = ''] = target.split('#');
  return file === '' ? document : join(dirname(document), file);
}

function packageJson(): { readonly files: readonly string[] } {
  const about: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  if (typeof about !== 'object' || about === null || !('files' in about) || !Array.isArray(about.files)) {
    throw new Error('package.json names no files');
  }
  return { files: about.files.map(String) };
}
