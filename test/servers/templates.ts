import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runAsServerUser, serverFolder } from './daemon.ts';

const variable = 'LOWTIDE_TEST_TEMPLATES';

/** Before the tests: a folder for what `layOut` makes, which goes with them. */
export default function prepare(): () => void {
  const folder = serverFolder('templates');
  process.env[variable] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Lays out the data of a server in a folder that is not there yet. That takes long: in a run of tests it is done once, and copied. */
export function layOut(server: string, data: string, make: (data: string) => void): void {
  const templates = process.env[variable];
  if (templates === undefined) {
    make(data);
    return;
  }
  const template = join(templates, server);
  if (!existsSync(template)) {
    const own = `${template}-${process.pid}`;
    make(own);
    try {
      renameSync(own, template);
    } catch (error) {
      if (!existsSync(template)) throw error;
      // Another worker was faster.
      rmSync(own, { recursive: true });
    }
  }
  runAsServerUser(['cp', '--archive', '--reflink=auto', '--sparse=always', template, data]);
}
