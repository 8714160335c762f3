import type { AttributeValue, Evidence } from '../../rules/facts.js';
import { READ_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { MemberRecord } from '../../store/look-store.js';
import { AttributeText } from '../parts/attribute-value.js';
import { DataTable } from '../parts/data-table.js';

interface MemberAttributesProps {
  readonly record: MemberRecord;
  readonly zone: string;
}

interface AttributeRow {
  readonly held: AttributeValue | undefined;
  readonly evidence: Evidence;
  readonly isWaiting: boolean;
}

/** What Intercom holds, what it should hold, and why. */
export function MemberAttributes({ record, zone }: MemberAttributesProps) {
  const { contact, decision, writes } = record;
  const waiting = new Set(
    writes.flatMap((write) =>
      ['waiting', 'held', 'parked'].includes(write.outcome) ? [write.attribute] : [],
    ),
  );
  const maintained = decision.evidence.map((evidence) => ({
    held: contact.attributes[evidence.attribute],
    evidence,
    isWaiting: waiting.has(evidence.attribute),
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
      <h3>Read from Intercom, never changed</h3>
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

function shouldBe({ evidence, isWaiting }: AttributeRow, zone: string) {
  if (evidence.wanted.kind === 'leave') return 'left as it is';
  if (!isWaiting) return 'the same';
  return (
    <>
      <AttributeText attribute={evidence.attribute} value={evidence.wanted.value} zone={zone} /> (on its way)
    </>
  );
}
