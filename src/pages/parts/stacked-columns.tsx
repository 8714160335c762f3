import { scaleBand, scaleLinear } from 'd3-scale';
import { stack } from 'd3-shape';
import { countText } from './numbers.js';

export interface Column {
  readonly name: string;
  /** Shown below the column; not every one has room. */
  readonly tick: string;
  readonly counts: Readonly<Record<string, number>>;
}

interface StackedColumnsProps {
  readonly title: string;
  /** What the columns are, for the table: "Week of". */
  readonly columnHeading: string;
  /** From the bottom up. */
  readonly series: readonly string[];
  readonly columns: readonly Column[];
}

const HEIGHT = 190;
const TOP = 8;
const BOTTOM = 22;
/** Room for the figures of the axis, percent of the width. */
const LEFT = 7;

/** As many as have room side by side on a phone. */
const MAX_TICKS = 5;

/** Standing columns in layers, drawn here as SVG, with a legend and the same figures as a table. */
export function StackedColumns({ title, columnHeading, series, columns }: StackedColumnsProps) {
  const layers = stack<Column, string>()
    .keys([...series])
    .value((column, name) => column.counts[name] ?? 0)([...columns]);
  const highest = Math.max(4, ...layers.flatMap((layer) => layer.map(([, top]) => top)));
  const y = scaleLinear([0, highest], [HEIGHT - BOTTOM, TOP]).nice(4);
  const x = scaleBand(columns.map(({ name }) => name), [LEFT, 100]).padding(0.25); // prettier-ignore
  const every = Math.ceil(columns.length / MAX_TICKS);
  return (
    <figure class="columns">
      <figcaption>{title}</figcaption>
      {series.length > 1 && <Legend series={series} />}
      <svg
        role="img"
        aria-label={`${title}. The same figures are in the table below.`}
        width="100%"
        height={HEIGHT}
      >
        {y
          .ticks(4)
          .filter(Number.isInteger)
          .map((tick) => (
            <g class="axis">
              <line x1={`${LEFT}%`} x2="100%" y1={y(tick)} y2={y(tick)} />
              <text x={`${LEFT - 1}%`} y={y(tick) + 4} text-anchor="end">
                {countText(tick)}
              </text>
            </g>
          ))}
        {layers.map((layer, index) => (
          <g class={toneOf(index)}>
            {layer.map(([from, to], at) => (
              <rect
                x={`${round(x(columns[at]?.name ?? '') ?? 0)}%`}
                width={`${round(x.bandwidth())}%`}
                y={round(y(to))}
                height={round(y(from) - y(to))}
              />
            ))}
          </g>
        ))}
        {columns.map(({ name, tick }, at) => {
          const isShown = (columns.length - 1 - at) % every === 0;
          const middle = (x(name) ?? 0) + x.bandwidth() / 2;
          return (
            isShown && (
              <text
                class="tick"
                x={`${round(middle > 95 ? 100 : middle)}%`}
                y={HEIGHT - 6}
                text-anchor={middle > 95 ? 'end' : 'middle'}
              >
                {tick}
              </text>
            )
          );
        })}
      </svg>
      <details>
        <summary>Figures as a table</summary>
        <div class="scroll" tabindex={0} role="region" aria-label={title}>
          <table>
            <caption class="unseen">{title}</caption>
            <thead>
              <tr>
                <th scope="col">{columnHeading}</th>
                {series.map((name) => (
                  <th scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {columns.map(({ name, counts }) => (
                <tr>
                  <th scope="row">{name}</th>
                  {series.map((one) => (
                    <td class="number">{countText(counts[one] ?? 0)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

function Legend({ series }: Pick<StackedColumnsProps, 'series'>) {
  return (
    <ul class="legend">
      {series.map((name, index) => (
        <li>
          <svg aria-hidden="true" width="12" height="12">
            <rect class={toneOf(index)} width="12" height="12" rx="2" />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

function toneOf(index: number): string {
  return `c${(index % 6) + 1}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
