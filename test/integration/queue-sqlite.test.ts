import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Queue } from '../../exporter/src/queue/queue.ts';
import { openSqliteQueue } from '../../exporter/src/queue/sqlite.ts';
import { queueConformance } from '../conformance/queue.ts';

queueConformance('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-queue-'));
  const opened: Queue[] = [];
  let now = Date.UTC(2026, 10, 1, 12);
  return Promise.resolve({
    open() {
      const queue = openSqliteQueue(folder, () => now);
      opened.push(queue);
      return Promise.resolve(queue);
    },
    now: () => now,
    step(ms: number) {
      now += ms;
      return Promise.resolve();
    },
    async [Symbol.asyncDispose]() {
      for (const queue of opened) await queue[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  });
});
