import { describe, expect, it } from 'vitest';
import type { Run } from '../catalog/catalog.ts';
import type { RunLogLine } from '../catalog/run-logs.ts';
import { RunLog } from './run-log.ts';

const run: Run = {
  id: 'r1',
  schedule: 'shop',
  type: 'database',
  trigger: 'schedule',
  startedAt: 0,
  dueAt: Date.UTC(2026, 10, 26, 2),
  objectPrefix: 'shop/r1',
  stores: ['local', 'offsite'],
  status: 'running',
  warnings: [],
  pausedSeconds: 0,
};

async function told(tell: (log: RunLog) => void): Promise<readonly RunLogLine[]> {
  const lines: RunLogLine[] = [];
  const logs = {
    append(id: string, line: RunLogLine) {
      if (id === 'r1') lines.push(line);
      return Promise.resolve();
    },
  };
  const log = new RunLog('r1', logs, { now: () => 7 });
  tell(log);
  await log.written();
  return lines;
}
const messages = async (tell: (log: RunLog) => void): Promise<readonly string[]> =>
  (await told(tell)).map(({ level, message }) => `${level}: ${message}`);

describe('the log of a run', () => {
  it('says how it began, what it is sealed to, how it made way, and how it ended', async () => {
    const event = { name: 'run:finished', runId: 'r1', schedule: 'shop', type: 'database' } as const;
    const end = { finishedAt: 9, warnings: [], pausedSeconds: 61.4 } as const;
    const lines = await messages((log) => {
      log.begun(run);
      log.sealedTo('key-1', 0);
      log.sealedTo('key-1', 1);
      log.sealedTo('key-1', 2);
      log.paced('cpu');
      log.paced(undefined);
      log.ended({
        ...end,
        status: 'completed',
        event: { ...event, status: 'completed', durationSeconds: 1 },
      });
      log.ended({
        ...end,
        pausedSeconds: 0,
        status: 'failed',
        error: { code: 'source_failed', message: 'it broke', hint: 'Mend it.' },
        event: { ...event, status: 'failed', durationSeconds: 1 },
      });
    });
    expect(lines).toEqual([
      'info: begun by its schedule, due at 2026-11-26T02:00:00.000Z, to be stored in local, offsite',
      'info: what comes is sealed to key-1',
      'info: what comes is sealed to key-1 and a recovery key',
      'info: what comes is sealed to key-1 and 2 recovery keys',
      'info: makes way for the host: the processors are above load.slow_down',
      'info: goes on as fast as it can',
      'info: completed, after 1m1s of standing still',
      'error: failed: it broke Mend it.',
    ]);
  });

  it('has an end, but leaves out no trouble', async () => {
    const lines = await messages((log) => {
      for (let index = 0; index < 1000; index += 1) log.paced(index % 2 === 0 ? 'cpu' : undefined);
      log.warn('a trouble');
    });
    expect(lines).toHaveLength(301);
    expect(lines.slice(-2)).toEqual(['info: and more of this kind, which is left out', 'warn: a trouble']);
  });

  it('stops nothing where it cannot be kept', async () => {
    const full = {
      append: () => Promise.reject(new Error('disk full')),
    };
    const log = new RunLog('r1', full, { now: () => 7 });
    log.begun(run);
    await expect(log.written()).resolves.toBeUndefined();
  });
});
