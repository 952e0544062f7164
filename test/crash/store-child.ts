import { bodyOf, inPieces, put, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { steppingDisk } from './stepping-disk.ts';

/**
 * A process to be killed. `store-child.ts go FOLDER NAME` puts, replaces and deletes without end, and prints a line before
 * and after each; the size and seed of an object stand in its name or in its first bytes, so that a torn one is known.
 * `store-child.ts once FOLDER WORK STEP` does one thing, prints each step of it and stops for ever before the one with
 * this number.
 */
const [mode, folder = '', what = '', stopAt = '0'] = process.argv.slice(2);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function go(): Promise<void> {
  const store = new DirectoryStore('local', folder);
  say('open');
  for (let index = 0; ; index += 1) {
    const size = (index * 7919 * 131) % 400_000;
    const name = `${what}/run-${index}.${size}`;
    await put(store, name, bodyOf(inPieces(sampleBytes(size, index), [60_000])));
    say(`put ${name}`);
    await put(store, `${what}/newest.json`, sampleBytes(50_000 + index, index), { replace: true });
    say(`newest ${index}`);
    if (index % 3 !== 2) continue;
    say(`deleting ${name}`);
    await store.delete(name);
    say(`deleted ${name}`);
  }
}

async function once(): Promise<void> {
  let step = 0;
  const disk = steppingDisk(folder, async (name) => {
    say(name);
    step += 1;
    if (step !== Number(stopAt)) return;
    process.stdin.resume();
    await new Promise(() => undefined);
  });
  const store = new DirectoryStore('local', folder, disk);
  switch (what) {
    case 'put':
    case 'replace': {
      const body = bodyOf([sampleBytes(1000, 1), sampleBytes(1001, 2)]);
      await put(store, 'db-prod/run-1', body, { replace: what === 'replace' });
      break;
    }
    case 'delete':
      await store.delete('db-prod/run-1');
      break;
    case 'sweep':
      await store.sweep('db-prod/');
      break;
    default:
      throw new Error(`unknown work ${what}`);
  }
}

await (mode === 'go' ? go() : once());
