const COUNT = new Intl.NumberFormat('en-GB');
const SHARE = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 0 });

/** "12,345". */
export function countText(count: number): string {
  return COUNT.format(count);
}

/** "1 member", "12,345 members". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** "37%"; of nothing there is no share. */
export function shareText(part: number, whole: number): string {
  return whole === 0 ? '' : SHARE.format(part / whole);
}
