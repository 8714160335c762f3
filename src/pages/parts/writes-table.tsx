import type { Child } from 'hono/jsx';
import type { Change } from '../../rules/facts.js';
import { AttributeText } from './attribute-value.js';
import { Instant } from './when.js';

export interface ShownWrite extends Change {
  readonly id: number;
  readonly causeKind: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly queuedAtMs: number;
  readonly settledAtMs: number | null;
}

interface WritesTableProps<Write extends ShownWrite> {
  readonly writes: readonly Write[];
  readonly zone: string;
  readonly caption: string;
  /** Whose it is; left out on a member's own page. */
  readonly member?: (write: Write) => Child;
}

const CAUSES: Readonly<Record<string, string>> = {
  notification: 'an event in Intercom',
  settle: 'looked at again after a close',
  transition: 'time passed',
  backfill: 'first backfill',
  sweep: 'sweep',
  sync: 'sync',
  'write-back': 'read while writing',
};

/** Attribute changes with what they replaced, what caused them and what became of them. */
export function WritesTable<Write extends ShownWrite>({
  writes,
  zone,
  caption,
  member,
}: WritesTableProps<Write>) {
  if (writes.length === 0) return <p class="empty">Nothing has been written.</p>;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Decided</th>
            {member !== undefined && <th scope="col">Member</th>}
            <th scope="col">Attribute</th>
            <th scope="col">Change</th>
            <th scope="col">Because of</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {writes.map((write) => (
            <tr data-key={`write-${write.id}`}>
              <td>
                <Instant at={Math.floor(write.queuedAtMs / 1000)} zone={zone} precision="second" />
              </td>
              {member !== undefined && <td>{member(write)}</td>}
              <td>{write.attribute}</td>
              <td class="change">
                <AttributeText attribute={write.attribute} value={write.before} zone={zone} /> →{' '}
                <AttributeText attribute={write.attribute} value={write.after} zone={zone} />
              </td>
              <td>{CAUSES[write.causeKind] ?? write.causeKind}</td>
              <td>{outcomeText(write)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function outcomeText({ outcome, reason, queuedAtMs, settledAtMs }: ShownWrite): string {
  if (outcome === 'sent' && settledAtMs !== null)
    return `written after ${duration(settledAtMs - queuedAtMs)}`;
  if (outcome === 'superseded') return 'replaced by a newer decision';
  if (outcome === 'held') return 'held back (DRY_RUN)';
  return reason === null ? outcome : `${outcome}: ${reason}`;
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
