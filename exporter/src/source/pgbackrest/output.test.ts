import { describe, expect, it } from 'vitest';
import { faultsIn, isUsable, labelIn, percentIn, readStanza } from './output.ts';

const stanza = (code: number): string =>
  JSON.stringify([{ name: 'main', status: { code, message: 'as it is' }, backup: [] }]);

describe('what pgBackRest tells', () => {
  it.each([
    [0, true],
    [2, true],
    [1, false],
    [3, false],
    [99, false],
  ])('of a stanza with status %i: whether backups can be kept in it', (code, usable) => {
    expect(isUsable(readStanza(stanza(code), 'main'))).toBe(usable);
  });

  it('is no stanza where it does not name it', () => {
    expect(isUsable(readStanza(stanza(0), 'other'))).toBe(false);
  });

  it.each(['', '{}', '[{"name":"main"}]'])('is refused where it is not understood: %s', (text) => {
    expect(() => readStanza(text, 'main')).toThrow(expect.objectContaining({ code: 'source_failed' }));
  });

  it('has the label and the progress of a backup in its log', () => {
    const at = '2026-11-26 20:20:57.052 P00';
    expect(labelIn(`${at}   INFO: new backup label = 20261126-202054F_20261126-202100I`)).toBe(
      '20261126-202054F_20261126-202100I',
    );
    expect(labelIn(`${at}   INFO: last backup label = 20261126-202054F, version = 2.45`)).toBeUndefined();
    expect(percentIn(`${at} DETAIL: backup file /srv/data/base/5/1255 (768KB, 3.40%) checksum 01c3`)).toBe(
      3.4,
    );
    expect(percentIn(`${at} DETAIL: backup file host:/srv/100%)/x (0B, 100%)`)).toBe(100);
    expect(percentIn(`${at} DETAIL: reference pg_data/global/6245 to 20261126-201940F`)).toBeUndefined();
  });

  it('has what verify found wrong in its text, and nothing passes unless it says so', () => {
    const backup = '  backup: 20261126-201940F, status: ';
    expect(
      faultsIn(
        `stanza: main\nstatus: ok\n${backup}valid, total files checked: 9, total valid files: 9\n    missing: 0, checksum invalid: 0`,
      ),
    ).toEqual([]);
    expect(
      faultsIn(
        `stanza: main\nstatus: error\n${backup}invalid, total files checked: 9, total valid files: 8\n    checksum invalid: 1`,
      ),
    ).toEqual([
      'backup: 20261126-201940F, status: invalid, total files checked: 9, total valid files: 8',
      'checksum invalid: 1',
    ]);
    expect(faultsIn('')).toHaveLength(1);
  });
});
