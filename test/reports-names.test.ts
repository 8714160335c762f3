import { expect, test } from 'vitest';
import { splitName } from '../src/rules/person-name.js';

test.each([
  ['Søren van der Berg Jr.', 'Søren', 'van der Berg'],
  ['María José García López', 'María', 'López'],
  ['Xiomara Nuñez III', 'Xiomara', 'Nuñez'],
  ['Ludwig van Beethoven', 'Ludwig', 'van Beethoven'],
  ['Vincent Van Gogh', 'Vincent', 'Van Gogh'],
  ['Juan Carlos de la Cruz', 'Juan', 'de la Cruz'],
  ['Leonardo da Vinci', 'Leonardo', 'da Vinci'],
  ['Anna Maria von und zu Liechtenstein', 'Anna', 'von und zu Liechtenstein'],
  ['Mary-Jane Watson Parker', 'Mary-Jane', 'Parker'],
  ['Dr. Jane A. Smith, Ph.D.', 'Jane', 'Smith'],
  ['John Q. Public Sr', 'John', 'Public'],
  ["Pat O'Brien", 'Pat', "O'Brien"],
  ['Jan de Vries (test)', 'Jan', 'de Vries'],
  ['Smith, John', 'John', 'Smith'],
  ['van der Berg, Søren Jan', 'Søren', 'van der Berg'],
  ['Berg, Søren van der', 'Søren', 'van der Berg'],
  ['Van Johnson', 'Van', 'Johnson'],
  ['Di Wu', 'Di', 'Wu'],
  ['jane ann doe', 'jane', 'doe'],
  ['JANE DOE', 'JANE', 'DOE'],
  ['  Jane \t  Doe ', 'Jane', 'Doe'],
  ['van der Berg', '', 'van der Berg'],
  ['Cher', 'Cher', ''],
  ['李小龙', '李小龙', ''],
  ['Ana 😀 Lopez', 'Ana', 'Lopez'],
  ['😀', '😀', ''],
  ['Jr.', 'Jr.', ''],
  ['Dr.', 'Dr.', ''],
  ['=cmd()', '=cmd()', ''],
  [',', ',', ''],
  ['', '', ''],
  ['   ', '', ''],
  [null, '', ''],
  // Blanks of every kind part words.
  ['山田　太郎', '山田', '太郎'],
  ['Jane\u00a0Smith', 'Jane', 'Smith'],
  ['Jane\u202fAnn\u2003Smith', 'Jane', 'Smith'],
  ['\ufeffJane\u200bSmith\n', 'Jane', 'Smith'],
  // Particles with a capital are particles all the same, and no middle names.
  ['Rosa Dos Santos', 'Rosa', 'Dos Santos'],
  ['Omar Al Bashir', 'Omar', 'Al Bashir'],
  ['ROSA DOS SANTOS', 'ROSA', 'DOS SANTOS'],
  ['rosa dos santos', 'rosa', 'dos santos'],
  ['Ana Maria Das Neves', 'Ana', 'Das Neves'],
  ['Khalid Bin Al Walid', 'Khalid', 'Bin Al Walid'],
  ['Juan Carlos De La Cruz', 'Juan', 'De La Cruz'],
  ['Peter Von Trapp', 'Peter', 'Von Trapp'],
  ['Lena Ten Broek', 'Lena', 'Ten Broek'],
  ['Maria Do Carmo', 'Maria', 'Do Carmo'],
  ['Santos, Rosa Dos', 'Rosa', 'Dos Santos'],
  ['Al Gore', 'Al', 'Gore'],
  ['Al Bashir, Omar', 'Omar', 'Al Bashir'],
  // Credentials belong to neither part.
  ['Jane Smith RN', 'Jane', 'Smith'],
  ['Jane Smith, RN', 'Jane', 'Smith'],
  ['Jane Smith, R.N., MSN', 'Jane', 'Smith'],
  ['Jane A. Smith RN BSN CDCES', 'Jane', 'Smith'],
  ['Smith, Jane, LCSW', 'Jane', 'Smith'],
  ['Dr. Rosa Dos Santos, PharmD', 'Rosa', 'Dos Santos'],
  ['Jane Smith NBC-HWC', 'Jane', 'Smith'],
  ['Jane Smith MS RD', 'Jane', 'Smith'],
  ['Jane RN', 'Jane', ''],
  ['Jack Ma', 'Jack', 'Ma'],
  ['JACK MA', 'JACK', 'MA'],
  ['Minh Do', 'Minh', 'Do'],
  // What else parts the words of a name.
  ['Smith,John', 'John', 'Smith'],
  ['García López, María José', 'María', 'García López'],
  ['John Q. Public, Jr.', 'John', 'Public'],
  ['Jane Smith, CHWC', 'Jane', 'Smith'],
  ['John E Smith', 'John', 'Smith'],
  ['José Ortega y Gasset', 'José', 'Ortega y Gasset'],
])('%s is %s | %s', (name, first, last) => {
  expect(splitName(name)).toEqual({ first, last });
});

test('however long a name is, it is parted at once', () => {
  const words = 'Anna '.repeat(12_000);
  expect(splitName(words).first).toBe('Anna');
  for (const long of [
    'x'.repeat(60_000),
    ','.repeat(60_000),
    '" '.repeat(30_000),
    '('.repeat(60_000),
    words,
  ]) {
    const { first, last } = splitName(long);
    expect(first.length + last.length).toBeLessThanOrEqual(2000);
  }
  expect(splitName(`Jane ${'Smith'.repeat(100)}`)).toEqual({ first: 'Jane', last: 'Smith'.repeat(100) });
});
