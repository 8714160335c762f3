import { READ_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { MemberRecord } from '../../store/store.js';
import { AttributeText } from '../parts/attribute-value.js';

interface MemberAttributesProps {
  readonly record: MemberRecord;
  readonly zone: string;
}

/** What Intercom holds, what it should hold, and why. */
export function MemberAttributes({ record, zone }: MemberAttributesProps) {
  const { contact, decision, writes } = record;
  const waiting = new Set(
    writes.flatMap((write) =>
      ['waiting', 'held', 'parked'].includes(write.outcome) ? [write.attribute] : [],
    ),
  );
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Attributes and why they hold">
      <table id="attributes">
        <caption class="unseen">Attributes that this service maintains, then those it only reads</caption>
        <thead>
          <tr>
            <th scope="col">Attribute</th>
            <th scope="col">In Intercom</th>
            <th scope="col">Should be</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {decision.evidence.map(({ attribute, wanted, because }) => (
            <tr>
              <th scope="row">{attribute}</th>
              <td data-flash data-attribute={attribute}>
                <AttributeText attribute={attribute} value={contact.attributes[attribute]} zone={zone} />
              </td>
              <td>
                {wanted.kind === 'leave' ? (
                  'left as it is'
                ) : waiting.has(attribute) ? (
                  <>
                    <AttributeText attribute={attribute} value={wanted.value} zone={zone} /> (on its way)
                  </>
                ) : (
                  'the same'
                )}
              </td>
              <td class="why">{because}</td>
            </tr>
          ))}
          {READ_ATTRIBUTES.map((attribute) => (
            <tr>
              <th scope="row">{attribute}</th>
              <td>
                <AttributeText attribute={attribute} value={contact.attributes[attribute]} zone={zone} />
              </td>
              <td>only read</td>
              <td></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
