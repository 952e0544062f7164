import { acquireServiceLock } from '../../exporter/src/catalog/ownership.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { newManifest, newRun, noon, runEnd } from '../conformance/catalog-samples.ts';

/**
 * A process to be killed: `catalog-child.ts WORK FOLDER NAME [COUNT]`. It prints a line after each thing that has been
 * promised to be durable, so that the test knows what must be there.
 */
const [work, folder = '', name = '', count = 'Infinity'] = process.argv.slice(2);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Keeps what was opened, and the process, until it is killed or its input ends. */
function stay(release: () => unknown): void {
  process.stdin.resume().once('end', () => void release());
}

async function writeRuns(): Promise<void> {
  await using catalog = openSqliteCatalog(folder);
  say('open');
  for (let index = 0; index < Number(count); index += 1) {
    const id = `${name}-${index}`;
    const run = newRun(id, { schedule: name, startedAt: noon + index, dueAt: noon + index });
    await catalog.startRun(run);
    const manifest = newManifest(`b-${id}`, { schedule: name, createdAt: noon + index });
    const copies = [
      { store: 'local', path: `/backups/${id}`, status: 'good' as const },
      { store: 'offsite', path: `s3://${id}`, status: 'good' as const },
    ];
    await catalog.finishRun(id, runEnd(run, { backup: { manifest, copies } }));
    say(id);
  }
}

switch (work) {
  case 'write-runs':
    await writeRuns();
    break;
  case 'hold-run': {
    const catalog = openSqliteCatalog(folder);
    await catalog.startRun(newRun(`run-of-${name}`, { schedule: name }));
    say('running');
    stay(() => catalog[Symbol.asyncDispose]());
    break;
  }
  case 'serve': {
    const lock = acquireServiceLock(folder);
    say('serving');
    stay(() => lock[Symbol.dispose]());
    break;
  }
  case undefined:
  default:
    throw new Error(`unknown work ${String(work)}`);
}
