import { describe, expect, it } from 'vitest';
import { runLogDays, type RunLogLine } from '../../exporter/src/catalog/run-logs.ts';
import type { Given } from './catalog-given.ts';
import { newRun, noon, runEnd } from './catalog-samples.ts';

const dayMs = 86_400_000;
const line = (message: string, at = noon): RunLogLine => ({ at, level: 'info', message });

/** What a catalog keeps of what runs tell of themselves. */
export function catalogRunLogs(given: Given): void {
  describe('logs of runs', () => {
    it('have the lines of each run in the order they came, whatever the clock says, also after its end', async () => {
      const { catalog } = given;
      const run = newRun('r1');
      await catalog.startRun(run);
      expect(await catalog.runLogs.of('r1')).toEqual([]);
      const lines = [line('one'), line('', noon - 5), { at: noon, level: 'error', message: '夜\n' } as const];
      for (const each of lines.slice(0, 2)) await catalog.runLogs.append('r1', each);
      await catalog.finishRun('r1', runEnd(run));
      await catalog.startRun(newRun('r2'));
      await catalog.runLogs.append('r2', { ...line('other'), level: 'warn' });
      await catalog.runLogs.append('r1', lines[2]!);
      await using other = await given.open();
      expect(await other.runLogs.of('r1')).toEqual(lines);
      expect(await other.runLogs.of('r2')).toEqual([{ ...line('other'), level: 'warn' }]);
    });

    it('are not kept of a run that nobody knows', async () => {
      const { catalog } = given;
      await catalog.runLogs.append('none', line('lost'));
      expect(await catalog.runLogs.of('none')).toEqual([]);
    });

    it('go when they are too old, the oldest first, as further runs begin', async () => {
      const { catalog } = given;
      const begin = async (id: string, at: number): Promise<void> => {
        const run = newRun(id, { startedAt: at });
        await catalog.startRun(run);
        await catalog.runLogs.append(id, line('begun', at));
        await catalog.runLogs.append(id, line('ended', at));
        await catalog.finishRun(id, runEnd(run));
      };
      for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) await begin(id, noon + index * dayMs);
      const kept = async (): Promise<readonly string[]> => {
        const ids: string[] = [];
        for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
          if ((await catalog.runLogs.of(id)).length > 0) ids.push(id);
        }
        return ids;
      };
      await begin('e', noon + (runLogDays + 0.5) * dayMs);
      expect(await kept()).toEqual(['b', 'c', 'd', 'e']);
      await begin('f', noon + (runLogDays + 10) * dayMs);
      expect(await kept()).toEqual(['d', 'e', 'f']);
    });
  });
}
