import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { stateRefusal } from '../sqlite/refusal.ts';

/**
 * The name of a folder of this host that no other folder has, so that processes on one server know who else is at home here. A
 * folder that is copied to another host takes its name along: the locks in it tell nothing there, which is why `home` is not
 * among what a copy of a host should have. Throws `state_denied`, `state_full`.
 */
export function homeOf(folder: string): string {
  const path = join(folder, 'home');
  const partial = join(folder, `home.${randomUUID()}.partial`);
  try {
    // On a full disk it can be read still: what makes room there has to know where it is at home.
    if (existsSync(path)) return readFileSync(path, 'utf8');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      writeFileSync(partial, randomUUID(), { mode: 0o600, flush: true });
      // The first to give it its name has named it, whoever else is about to.
      linkSync(partial, path);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
    } finally {
      rmSync(partial, { force: true });
    }
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw stateRefusal(thrown, path);
  }
}
