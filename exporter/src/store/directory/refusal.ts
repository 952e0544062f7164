import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';

/** What the file system said, as the store's own refusal; anything else as it is. `action` is `write a/b to store x (/path)`. */
export function refusal(thrown: unknown, action: string): unknown {
  const code = systemErrorCode(thrown);
  if (code === undefined || thrown instanceof LowtideError) return thrown;
  const say = (why: string): string => `cannot ${action}: ${why}`;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new LowtideError('store_full', say('no space is left'), {
        hint: 'Free space, or keep fewer backups (keep in the schedule).',
        cause: thrown,
      });
    case 'EFBIG':
      return new LowtideError('store_full', say('the file system holds no file of this size'), {
        hint: 'FAT ends at 4 GiB: use another file system for backups.',
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
      return new LowtideError('store_denied', say('permission denied'), {
        hint: 'The user that runs lowtide must be able to write to this folder.',
        cause: thrown,
      });
    case 'EROFS':
      return new LowtideError('store_denied', say('the file system is read-only'), {
        hint: 'Was it mounted so, or did the kernel stop writing after a disk error? Its log (dmesg) says.',
        cause: thrown,
      });
    case 'EEXIST':
    case 'ENOTDIR':
      return new LowtideError('store_unavailable', say('a file stands where a folder should be'), {
        hint: 'Move the file away, or give the store another path.',
        cause: thrown,
      });
    case 'EISDIR':
      return new LowtideError('store_exists', say('a folder of that name is there'), { cause: thrown });
    default:
      return new LowtideError('store_unavailable', say((thrown as Error).message), {
        retryable: mayPass.has(code),
        cause: thrown,
      });
  }
}

/** What another try may not meet again: a network, a server, or other processes are the cause. */
const mayPass = new Set([
  'EAGAIN',
  'EBUSY',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'ENOTCONN',
  'ESTALE',
  'ETIMEDOUT',
]);
