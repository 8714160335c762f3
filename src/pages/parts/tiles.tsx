import { countText } from './numbers.js';

export interface Tile {
  readonly name: string;
  /** A figure, or a few words in its place. */
  readonly count: number | string;
  /** A short line below the figure. */
  readonly note?: string;
  /** Where the tile leads. */
  readonly href?: string;
}

/** Figures side by side, each with its name. */
export function Tiles({ label, tiles }: { readonly label: string; readonly tiles: readonly Tile[] }) {
  return (
    <dl class="tiles" aria-label={label}>
      {tiles.map(({ name, count, note, href }) => (
        <div class="tile">
          <dt>{href === undefined ? name : <a href={href}>{name}</a>}</dt>
          <dd>
            <strong>{typeof count === 'number' ? countText(count) : count}</strong>
            {note !== undefined && note !== '' && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
