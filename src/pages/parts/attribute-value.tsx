import type { AttributeValue } from '../../rules/facts.js';
import { readDate, readInstant } from '../../rules/calendar.js';
import { ATTRIBUTE_TYPES, DATE_ONLY_ATTRIBUTES, type KeptAttribute } from '../../rules/vocabulary.js';
import { Day, Instant, Nothing } from './when.js';

interface AttributeValueProps {
  readonly attribute: KeptAttribute;
  readonly value: AttributeValue | undefined;
  readonly zone: string;
}

const DATE_ONLY: readonly KeptAttribute[] = DATE_ONLY_ATTRIBUTES;

/** A contact attribute as people read it; what cannot be read is shown as it stands in Intercom. */
export function AttributeText({ attribute, value = null, zone }: AttributeValueProps) {
  if (value === null || value === '') return <Nothing />;
  if (ATTRIBUTE_TYPES[attribute] !== 'date') return <>{String(value)}</>;
  if (DATE_ONLY.includes(attribute)) {
    const reading = readDate(value, zone);
    return reading.kind === 'date' ? <Day on={reading.on} /> : <>{String(value)}</>;
  }
  const reading = readInstant(value);
  return reading.kind === 'instant' ? <Instant at={reading.at} zone={zone} /> : <>{String(value)}</>;
}
