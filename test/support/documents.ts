import { readdirSync, readFileSync } from 'node:fs';

/** What people read, by its path. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** Every document of the project. */
export const DOCUMENTS: readonly Document[] = [
  'README.md',
  'wrangler-free.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .toSorted(),
].map((path) => ({ path, text: readFileSync(path, 'utf8') }));

/** @throws Error where there is no such document. */
export function documentAt(path: string): string {
  const found = DOCUMENTS.find((document) => document.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found.text;
}

/** A section from its heading to the next one of its level or above, without the heading. */
export function sectionOf(text: string, heading: string): string {
  const [marks = ''] = heading.split(' ');
  const [, behind = ''] = `\n${text}`.split(`\n${heading}\n`);
  return behind.split(new RegExp(`^#{1,${marks.length}} `, 'm'))[0] ?? '';
}

/** Targets of links and pictures. */
export function linksIn(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)]+)\)|\bsrc="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsIn(text: string): ReadonlySet<string> {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(headings.map((heading) => `#${anchorOf(heading)}`));
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```$/gm, '');
}
