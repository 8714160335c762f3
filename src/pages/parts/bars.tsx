import { scaleLinear } from 'd3-scale';
import { countText, shareText } from './numbers.js';

export interface Bar {
  readonly name: string;
  readonly count: number;
  /** One of the color classes `c1` … `c6`, or of a status. */
  readonly tone?: string;
}

interface BarsProps {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** Shares are of this; left out: of the sum of the bars. */
  readonly whole?: number;
}

/** Lying bars, each with its name, figure and share as text: the list is its own text equivalent. */
export function Bars({ title, bars, whole }: BarsProps) {
  const sum = whole ?? bars.reduce((total, bar) => total + bar.count, 0);
  const width = scaleLinear([0, Math.max(1, ...bars.map((bar) => bar.count))], [0, 100]);
  return (
    <figure class="bars">
      <figcaption>{title}</figcaption>
      <ul>
        {bars.map(({ name, count, tone = 'c1' }) => (
          <li>
            <span class="bar-name">{name}</span>
            <svg class="bar" aria-hidden="true" width="100%" height="14">
              <rect class="track" width="100%" height="14" rx="3" />
              <rect class={tone} width={`${round(width(count))}%`} height="14" rx="3" />
            </svg>
            <span class="bar-count">
              {countText(count)} <small>{shareText(count, sum)}</small>
            </span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
