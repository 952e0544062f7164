import { describe, expect, it } from 'vitest';
import { readBackupLine, readForget, readSnapshots, readUnreadable } from './output.ts';

describe('what restic writes', () => {
  it.each([
    [
      '{"message_type":"status","percent_done":0,"total_files":1,"total_bytes":9}',
      { bytes_done: 0, total_bytes: 9 },
    ],
    ['{"message_type":"status","percent_done":0,"files_done":1}', { bytes_done: 0 }],
    [
      '{"message_type":"summary","data_added":7,"data_added_packed":5,"total_bytes_processed":9,"snapshot_id":"e19e8a00"}',
      { snapshot_id: 'e19e8a00', data_added_packed: 5 },
    ],
  ])('is read as far as it is needed: %s', (line, read) => {
    expect(readBackupLine(line)).toMatchObject(read);
  });

  it.each(['', 'using parent snapshot', '{"message_type":"verbose_status"}', '{"message_type":"summary"}'])(
    'is passed over where it is of no interest: %s',
    (line) => expect(readBackupLine(line)).toBeUndefined(),
  );

  it('names each file that cannot be read once, with the reason where there is one', () => {
    expect(
      readUnreadable([
        '{"message_type":"error","error":{},"during":"scan","item":"/srv/a"}',
        '{"message_type":"error","error":{"Op":"open","Path":"/srv/a","Err":13},"during":"archival","item":"/srv/a"}',
        '{"message_type":"error","error":{"message":"open /srv/b: permission denied"},"during":"archival","item":"/srv/b"}',
        'Warning: at least one source file could not be read',
      ]),
    ).toEqual(['/srv/a', 'open /srv/b: permission denied']);
  });

  it('tells what is kept and why, and what was forgotten', () => {
    const kept = { id: 'bb6208a7a63f', time: '2026-11-26T19:30:16.702004178Z' };
    const gone = { id: 'af1284bfb4b8', time: '2026-11-26T19:30:15.377601322+02:00' };
    const reasons = [{ snapshot: { time: kept.time }, matches: ['last snapshot'] }];
    expect(readForget(JSON.stringify([{ keep: [kept], remove: [gone], reasons }]))).toEqual({
      keep: [{ ...kept, reasons: ['last snapshot'] }],
      remove: [gone],
    });
    expect(readForget(JSON.stringify([{ keep: [kept], remove: null, reasons: null }]))).toMatchObject({
      remove: [],
    });
  });

  it('is nothing where no snapshot was concerned', () => {
    expect(readForget('')).toEqual({ keep: [], remove: [] });
    expect(readSnapshots('null')).toEqual([]);
  });

  it('is refused where it is not understood, rather than taken for a repository without snapshots', () => {
    expect(() => readSnapshots('[{"id":1}]')).toThrow(expect.objectContaining({ code: 'source_failed' }));
    expect(() => readSnapshots('')).toThrow(expect.objectContaining({ code: 'source_failed' }));
    expect(() => readForget('{}')).toThrow(expect.objectContaining({ code: 'source_failed' }));
  });
});
