import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../src/config/config.js';
import { SCOPES } from '../src/intercom/scopes.js';
import { CHORES } from '../src/watch/metrics/chore-gauges.js';
import { SUBSCRIBED_TOPICS, topicKind } from '../src/intercom/topics.js';
import { runCommand } from './support/command-line.js';
import { createHarness } from './support/harness.js';

const GUIDE = readFileSync('wrangler-free.md', 'utf8');
const README = readFileSync('README.md', 'utf8');

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
    const readme = /and the topics ([^]*?)\.\n\n/.exec(README)?.[1] ?? '';
    expect(topicsIn(readme)).toEqual([...SUBSCRIBED_TOPICS]);
    const unknown = SUBSCRIBED_TOPICS.filter((topic) => ['ignored', 'ping'].includes(topicKind(topic)));
    expect(unknown).toEqual([]);
  });

  test('the permissions', () => {
    const table = /\| permission[^]*?\n\n/.exec(GUIDE)?.[0] ?? '';
    expect([...table.matchAll(/^ *\| `([^`]+)`/gm)].map(([, name]) => name)).toEqual(Object.values(SCOPES));
    for (const scope of Object.values(SCOPES)) expect(README.replaceAll(/\s+/g, ' ')).toContain(`_${scope}_`);
  });
});

describe('metrics, their descriptions, alerts and dashboard agree', () => {
  test('each metric of ours is described, and each described one is there', async () => {
    const table = /^\| metric[^]*?\n\n/m.exec(GUIDE)?.[0] ?? '';
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

describe('what the guide tells to type is there', () => {
  test('commands and their options', async () => {
    const typed = [...GUIDE.matchAll(/(?:^engagement|dist\/main\.js) ([a-z]+)((?: [^\n>|]*)?)/gm)];
    expect(typed.length).toBeGreaterThan(8);
    for (const [, command = '', rest = ''] of typed) {
      const { status, stdout } = await runCommand([command, '--help']);
      expect({ command, status }).toEqual({ command, status: 0 });
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(stdout).toContain(`${option} `);
    }
  });

  test('settings', () => {
    const named = [...GUIDE.matchAll(/\b([A-Z]+(?:_[A-Z]+)+)\b/g)].map(([, name = '']) => name);
    // Of systemd and of sockets.
    const others = new Set(['AF_INET', 'AF_UNIX']);
    expect([...new Set(named)].filter((name) => !VARIABLES.includes(name) && !others.has(name))).toEqual([]);
  });

  test('files and places within the page', () => {
    const targets = linksIn(GUIDE);
    const headings = new Set(
      [...GUIDE.matchAll(/^#+ (.+)$/gm)].map(
        ([, text = '']) => `#${text.toLowerCase().replaceAll(' ', '-')}`,
      ),
    );
    const isThere = (target: string): boolean =>
      target.startsWith('https://') || headings.has(target) || existsSync(target);
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => !isThere(target))).toEqual([]);
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

  test.each(['README.md', 'wrangler-free.md', 'CHANGELOG.md'])('holds what %s links to', (page) => {
    const text = readFileSync(page, 'utf8');
    const targets = linksIn(text)
      .filter((target) => !/^(?:https?:|#|mailto:)/.test(target))
      .map((target) => target.replace(/#.*$/, ''));
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !existsSync(target))).toEqual([]);
    expect(targets.filter((target) => !isPacked(target))).toEqual([]);
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

/** Targets of links and pictures. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([^)]+)\)|\bsrc="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
}

function packageJson(): { readonly files: readonly string[] } {
  const about: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  if (typeof about !== 'object' || about === null || !('files' in about) || !Array.isArray(about.files)) {
    throw new Error('package.json names no files');
  }
  return { files: about.files.map(String) };
}
