import type { AttributeValue, Evidence } from '../../rules/facts.js';
import { READ_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { MemberRecord } from '../../store/ports/queries.js';
import { AttributeText } from '../parts/attribute-value.js';
import { DataTable } from '../parts/data-table.js';
import { WAITING } from '../parts/writes-table.js';

interface MemberAttributesProps {
  readonly record: MemberRecord;
  readonly zone: string;
}

interface AttributeRow {
  readonly held: AttributeValue | undefined;
  readonly evidence: Evidence;
  /** What has become of a change that Intercom does not hold yet; null where there is none. */
  readonly waiting: string | null;
}

/** What Intercom holds, what it should hold, and why. */
export function MemberAttributes({ record, zone }: MemberAttributesProps) {
  const { contact, decision, writes } = record;
  const waiting = new Map(
    writes.flatMap(({ attribute, outcome }) => {
      const said = WAITING[outcome];
      return said === undefined ? [] : [[attribute, said] as const];
    }),
  );
  const maintained = decision.evidence.map((evidence) => ({
    held: contact.attributes[evidence.attribute],
    evidence,
    waiting: waiting.get(evidence.attribute) ?? null,
  }));
  return (
    <>
      <DataTable<AttributeRow>
        id="attributes"
        caption="Attributes that this service maintains, and why"
        rows={maintained}
        empty=""
        columns={[
          { name: 'Attribute', isRowHeader: true, cell: ({ evidence }) => evidence.attribute },
          {
            name: 'In Intercom',
            width: 'together',
            flashAs: ({ evidence }) => evidence.attribute,
            cell: ({ evidence, held }) => (
              <AttributeText attribute={evidence.attribute} value={held} zone={zone} />
            ),
          },
          { name: 'Should be', cell: (row) => shouldBe(row, zone) },
          { name: 'Why', width: 'wide', cell: ({ evidence }) => evidence.because },
        ]}
      />
      <h3>Other Intercom fields (read-only)</h3>
      <dl class="facts">
        {READ_ATTRIBUTES.map((attribute) => (
          <div>
            <dt>{attribute}</dt>
            <dd>
              <AttributeText attribute={attribute} value={contact.attributes[attribute]} zone={zone} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function shouldBe({ evidence, waiting }: AttributeRow, zone: string) {
  if (evidence.wanted.kind === 'leave') return 'Not managed';
  if (waiting === null) return 'Correct';
  return (
    <>
      <AttributeText attribute={evidence.attribute} value={evidence.wanted.value} zone={zone} />
      <br />
      <em>{waiting}</em>
    </>
  );
}
