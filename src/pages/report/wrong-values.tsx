import type { FieldProblem } from '../../http/problem.js';
import { Notice } from '../parts/notice.js';
import type { TableAddress } from './address.js';
import { WRONG_ID, type Filter } from './filters.js';

interface WrongValuesProps {
  readonly problems: readonly FieldProblem[];
  readonly filters: readonly Filter[];
  readonly address: TableAddress;
}

/** What the address asks for that cannot be answered: which filter, what it says, what it may say. */
export function WrongValues({ problems, filters, address }: WrongValuesProps) {
  const labelOf = (field: string) => filters.find(({ name }) => name === field)?.label;
  return (
    <Notice id={WRONG_ID} tone="problem" role="alert">
      <p>Check these filters:</p>
      <ul>
        {problems.map(({ field, message, allowed }) => (
          <li>
            <strong>{labelOf(field) ?? <code>{field}</code>}</strong> {message}
            {allowed !== undefined && `: ${allowed.join(', ')}`}
            {saidText(address, field)}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function saidText({ fields, sort }: TableAddress, field: string): string {
  const said = field === 'sort' ? sort?.column : fields.get(field)?.join(', ');
  return said === undefined ? '.' : `. It says “${said}”.`;
}
