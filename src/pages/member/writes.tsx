import type { WriteRecord } from '../../store/ports/queries.js';
import { countOf } from '../parts/numbers.js';
import { WritesTable } from '../parts/writes-table.js';

interface MemberWritesProps {
  readonly writes: readonly WriteRecord[];
  readonly zone: string;
}

const MAX = 50;

/** The member's writes, newest first. */
export function MemberWrites({ writes, zone }: MemberWritesProps) {
  const shown = writes.slice(0, MAX).map((write) => ({ ...write, causeKind: write.cause.kind }));
  const left = writes.length - shown.length;
  return (
    <>
      <WritesTable writes={shown} zone={zone} caption="Writes to Intercom, newest first" />
      {left > 0 && <p class="empty">{countOf(left, 'older write')} not shown.</p>}
    </>
  );
}
