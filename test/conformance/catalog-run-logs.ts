import { describe, expect, it } from 'vitest';
import { runLogDays, type RunLogLine } from '../../exporter/src/catalog/run-logs.ts';
import type { Given } from './catalog-given.ts';
import { newRun, noon, runEnd } from './catalog-samples.ts';

const dayMs = 86_400_000;
const line = (message: string, at = noon): RunLogLine => ({ at, level: 'info', message });

/** What a catalog keeps of what runs tell of themselves. */
export function catalogRunLogs(given: Given): void {
  describe('logs of runs', () => {
    it('have the lines of each run in the order they came, whatever the clock says, also after its end', () => {
      const { catalog } = given;
      const run = newRun('r1');
      catalog.startRun(run);
      expect(catalog.runLogs.of('r1')).toEqual([]);
      const lines = [line('one'), line('', noon - 5), { at: noon, level: 'error', message: '夜\n' } as const];
      for (const each of lines.slice(0, 2)) catalog.runLogs.append('r1', each);
      catalog.finishRun('r1', runEnd(run));
      catalog.startRun(newRun('r2'));
      catalog.runLogs.append('r2', { ...line('other'), level: 'warn' });
      catalog.runLogs.append('r1', lines[2]!);
      using other = given.open();
      expect(other.runLogs.of('r1')).toEqual(lines);
      expect(other.runLogs.of('r2')).toEqual([{ ...line('other'), level: 'warn' }]);
    });

    it('are not kept of a run that nobody knows', () => {
      const { catalog } = given;
      catalog.runLogs.append('none', line('lost'));
      expect(catalog.runLogs.of('none')).toEqual([]);
    });

    it('go when they are too old, the oldest first, as further runs begin', () => {
      const { catalog } = given;
      const begin = (id: string, at: number): void => {
        const run = newRun(id, { startedAt: at });
        catalog.startRun(run);
        catalog.runLogs.append(id, line('begun', at));
        catalog.runLogs.append(id, line('ended', at));
        catalog.finishRun(id, runEnd(run));
      };
      for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) begin(id, noon + index * dayMs);
      const kept = (): readonly string[] =>
        ['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => catalog.runLogs.of(id).length > 0);
      begin('e', noon + (runLogDays + 0.5) * dayMs);
      expect(kept()).toEqual(['b', 'c', 'd', 'e']);
      begin('f', noon + (runLogDays + 10) * dayMs);
      expect(kept()).toEqual(['d', 'e', 'f']);
    });
  });
}
