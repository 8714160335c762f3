import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VARIABLES } from '../src/config/settings.js';
import { readSettingsFile } from '../src/config/settings-file.js';
import { spawnCommand, temporaryDirectory } from './support/command-line.js';

const BOM = '\ufeff';
const LINES = [
  'DRY_RUN=true',
  'INTERCOM_ACCESS_TOKEN=tok-abcdefgh',
  'INTERCOM_CLIENT_SECRET=secret-abcdefgh',
];

function read(content: string | Uint8Array): Readonly<Record<string, string | undefined>> {
  const path = join(temporaryDirectory(), '.env');
  writeFileSync(path, content);
  // Messages call it by its name in the working directory.
  return readSettingsFile(path, VARIABLES);
}

describe('./.env', () => {
  test.each([
    ['with a byte order mark', `${BOM}${LINES.join('\n')}\n`],
    ['joined from two files with marks', `${BOM}# ours\n${BOM}${LINES.join('\n')}\n`],
    ['with the line ends of Windows', `${LINES.join('\r\n')}\r\n`],
    ['with those of old Macs', LINES.join('\r')],
    [
      'with quotes',
      'DRY_RUN="true"\r\nINTERCOM_ACCESS_TOKEN=\'tok-abcdefgh\'\nINTERCOM_CLIENT_SECRET=secret-abcdefgh',
    ],
    ['for a shell', LINES.map((line) => `export ${line}`).join('\n')],
    ['with blanks and remarks', `\n  DRY_RUN = true # for now\n${LINES.slice(1).join('\n\n')}`],
  ])('%s is read', (_name, content) => {
    expect(read(content)).toMatchObject({
      DRY_RUN: 'true',
      INTERCOM_ACCESS_TOKEN: 'tok-abcdefgh',
      INTERCOM_CLIENT_SECRET: 'secret-abcdefgh',
    });
  });

  test.each([
    ['in 16 bits', Buffer.from(`${BOM}${LINES.join('\n')}`, 'utf16le'), 'must be saved as UTF-8 text'],
    ['with a zero byte', `${LINES.join('\n')}\0`, 'must be saved as UTF-8 text'],
    ['as YAML', 'DRY_RUN: true\n', 'DRY_RUN is named'],
    ['without an equals sign', 'DRY_RUN true\n', 'write it that way'],
    ['as a batch file', 'set DRY_RUN=true\n', 'DRY_RUN is named'],
    ['as PowerShell', '$env:DRY_RUN = "true"\n', 'DRY_RUN is named'],
    ['as `export -p` prints it', 'declare -x DRY_RUN="true"\n', 'DRY_RUN is named'],
    ['as a list of compose', '  - DRY_RUN=true\n', 'DRY_RUN is named'],
    ['with a name in quotes', '"DRY_RUN"=true\n', 'DRY_RUN is named'],
    [
      'with a quote that swallows the next lines',
      'INTERCOM_ACCESS_TOKEN="tok-abcdefgh\nDRY_RUN=true\nAPI_TOKENS="0123456789abcdef0123"\n',
      'DRY_RUN is named',
    ],
  ])('%s is refused instead of read in part', (_name, content, sentence) => {
    expect(() => read(content)).toThrow(sentence);
  });

  test.each([
    '# DRY_RUN=true',
    ';DRY_RUN=true',
    '// DRY_RUN=true',
    'MY_DRY_RUN=1',
    'my-DRY_RUN=1',
    'NOTE=no DRY_RUN=1',
  ])('may hold what is no setting: %s', (line) => {
    expect(read(`${line}\n`)).not.toHaveProperty('DRY_RUN');
  });

  test('that is not there sets nothing', () => {
    expect(readSettingsFile(join(temporaryDirectory(), '.env'), VARIABLES)).toEqual({});
  });

  test('holds for the command, below what the environment sets to something', async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, '.env'),
      `${BOM}REPORT_TIMEZONE=nowhere\r\nLOG_LEVEL=loud\r\nPROT=1\r\nDRYRUN=true\r\n`,
    );
    const { status, stdout, stderr } = await spawnCommand(['reconcile'], {
      directory,
      settings: { LOG_LEVEL: 'info', REPORT_TIMEZONE: ' ' },
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('REPORT_TIMEZONE must be an IANA time zone');
    expect(stderr).toContain('DRYRUN is set but not read. Did you mean DRY_RUN?');
    expect(stderr).not.toContain('LOG_LEVEL');
  });
});
