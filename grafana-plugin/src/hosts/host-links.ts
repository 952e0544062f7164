import { appPath } from '../constants.ts';
import { linkTo } from '../lib/link.ts';

/** A page of the app about one host; about all, where there is but one. */
export function hostLink(
  page: 'schedules' | 'backups' | 'activity',
  host: string | undefined,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({ ...more, ...(host !== undefined && { host }) }).toString();
  return linkTo(`${appPath}/${page}${query === '' ? '' : `?${query}`}`);
}

/** With the backup open, among those of its host. */
export function backupLink(backup: string, host: string | undefined): string {
  return hostLink('backups', host, { backup, ...(host !== undefined && { of: host }) });
}
