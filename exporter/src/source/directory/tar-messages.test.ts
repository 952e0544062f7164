import { describe, expect, it } from 'vitest';
import { readTarMessages, type TarMessages } from './tar-messages.ts';

const read = (stderr: string): TarMessages =>
  readTarMessages({ program: 'tar', exitCode: 0, signal: null, stderr });

const kinds: readonly (keyof TarMessages)[] = ['unreadable', 'remarks', 'fatal'];

describe('a message of tar', () => {
  it.each<[line: string, kind: keyof TarMessages, text: string]>([
    ['tar: ./a: Cannot open: Permission denied', 'unreadable', './a: Permission denied'],
    ['tar: ./a: Warning: Cannot open: Permission denied', 'unreadable', './a: Permission denied'],
    ['gtar: ./a: Cannot stat: No such file or directory', 'unreadable', './a: No such file or directory'],
    ['/usr/bin/tar: ./a: Cannot savedir: Input/output error', 'unreadable', './a: Input/output error'],
    ['tar: ./a: Cannot readlink: Permission denied', 'unreadable', './a: Permission denied'],
    [
      'tar: ./a: Read error at byte 65536, while reading 512 bytes: Input/output error',
      'unreadable',
      './a: Input/output error',
    ],
    [
      'tar: ./n\\303\\251\\nw/b\\377: Cannot open: Permission denied',
      'unreadable',
      './né\\nw/b\\377: Permission denied',
    ],
    ['tar: ./a\\:b: Cannot open: Permission denied', 'unreadable', './a\\:b: Permission denied'],
    ['tar: ./a: file changed as we read it', 'remarks', './a: file changed as we read it'],
    ['tar: ./a: File removed before we read it', 'remarks', './a: File removed before we read it'],
    [
      'tar: ./a: File shrank by 10 bytes; padding with zeros',
      'remarks',
      './a: File shrank by 10 bytes; padding with zeros',
    ],
    ['tar: -: Cannot write: No space left on device', 'fatal', '-: Cannot write: No space left on device'],
  ])('is sorted by what it means: %s', (line, kind, text) => {
    expect(read(`${line}\n`)).toEqual({
      ...Object.fromEntries(kinds.map((each) => [each, []])),
      [kind]: [text],
    });
  });

  it.each(['Exiting with failure status due to previous errors', 'Error is not recoverable: exiting now'])(
    'is nothing where it only announces the exit code: %s',
    (text) => {
      expect(read(`tar: ${text}\n`)).toEqual({ unreadable: [], remarks: [], fatal: [] });
    },
  );
});
