import { initial } from './0001-initial.ts';
import { access } from './0002-access.ts';
import { load } from './0003-load.ts';
import { rotations } from './0004-rotations.ts';

/** In order; the file's `user_version` is the number of those it has had. */
export const migrations: readonly string[] = [initial, access, load, rotations];
