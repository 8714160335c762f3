import { documentAt, sectionOf } from './documents.js';
import { API_TOKEN } from './harness.js';

/** The lines of examples in a section of docs/http.md that begin with `word`. */
export function examples(title: string, word: string): string[] {
  const section = sectionOf(documentAt('docs/http.md'), `## ${title}`);
  const blocks = [...section.matchAll(/^```sh$(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith(`${word} `));
}

/** The words of a line as a shell passes them on. */
export function wordsOf(line: string): string[] {
  const set = line.replaceAll('$TOKEN', API_TOKEN);
  return [...set.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}

/** What curl sends. */
export function requestOf(line: string): Request {
  const [, ...words] = wordsOf(line);
  const headers = new Headers();
  let url = '';
  let body: string | undefined;
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: (.*)/s);
      headers.set(name, value);
    } else if (word === '-d') {
      body = words.shift() ?? '';
      headers.set('content-type', 'application/x-www-form-urlencoded');
    } else if (word === '-o' || word === '-X') words.shift();
    else url = word;
  }
  return new Request(url, body === undefined ? { headers } : { method: 'POST', headers, body });
}
