import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describe as describeError } from './describe.ts';
import { createLog } from './log.ts';
import type { LogOptions } from './log-options.ts';

function lines(
  format: LogOptions['format'],
  level: LogOptions['level'] = 'info',
): { log: ReturnType<typeof createLog>; written: string[] } {
  const written: string[] = [];
  const redact = (text: string): string => text.replaceAll('s3cret', '[redacted]');
  return { log: createLog({ level, format, redact, write: (line) => written.push(line) }), written };
}

describe('the log', () => {
  it('is one JSON object a line for machines', () => {
    const { log, written } = lines('json');
    log.info({ schedule: 'shop' }, 'backup started');
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      level: 'info',
      schedule: 'shop',
      msg: 'backup started',
    });
  });

  it('is a line of text for people', () => {
    const { log, written } = lines('pretty');
    log.warn({ schedule: 'shop' }, 'backup failed');
    expect(written).toEqual([
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\] WARN: backup failed \{"schedule":"shop"\}\n$/),
    ]);
  });

  it.each(['logfmt', 'json', 'pretty'] as const)('shows no secret as %s, wherever it stands', (format) => {
    const { log, written } = lines(format);
    log.error({ err: { message: 'password s3cret refused' } }, 'no s3cret here');
    expect(written.join('')).not.toContain('s3cret');
    expect(written.join('')).toContain('[redacted]');
  });

  it('has of an error what is known of it, and where in the code it was if nobody had foreseen it', () => {
    const { log, written } = lines('json');
    log.error({ err: describeError(new LowtideError('state_full', 'no room')) }, 'no');
    log.error({ err: describeError(new TypeError('x is not a function')) }, 'no');
    const [foreseen, unforeseen] = written.map((line) => (JSON.parse(line) as { err: unknown }).err);
    expect(foreseen).toEqual({ code: 'state_full', message: 'no room' });
    expect(unforeseen).toEqual({
      code: 'internal',
      message: 'x is not a function',
      stack: expect.stringContaining('log.test.ts:') as string,
    });
  });

  it('leaves out what is below its level', () => {
    const { log, written } = lines('json', 'warn');
    log.info('nothing');
    expect(written).toEqual([]);
  });
});
