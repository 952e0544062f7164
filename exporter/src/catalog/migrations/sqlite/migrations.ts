import { initial } from './0001-initial.ts';

/** In order; the file's `user_version` is the number of those it has had. */
export const migrations: readonly string[] = [initial];
