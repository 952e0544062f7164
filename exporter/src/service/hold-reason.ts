import { absent, interrupted, stillRunning, waitedForBefore } from '../events/events.ts';
import { holdTexts } from '../load/gate.ts';

const absence = 'Lowtide did not run, or its host slept, when it could have begun';

const texts: Readonly<Record<string, string>> = {
  ...holdTexts,
  host_cpu: 'the processors of its host are above the high_water of load.hosts',
  host_memory: 'the memory of its host is above the high_water of load.hosts',
  host_disk: 'the disk of its host is above the high_water of load.hosts',
  capacity: 'beside the backups that run there is no room for it',
  store: 'the backups that are being written to its store leave no room for another',
  network: 'the backups that go over its network leave no room for another',
  server: 'as many dumps as may be are being taken of its database server',
  cut_off: 'PostgreSQL, which has the state, cannot be reached, and it is not critical, or a pool’s',
  [stillRunning]: 'the backup before it was going on all the time',
  [absent]: absence,
  [interrupted]:
    'its run was cut off as Lowtide ended, or was not heard of any more, and no other could begin in time',
  deadline_passed: 'none of the hosts that may run it had claimed it by then',
  claim_silent: 'nothing was heard any more of the hosts that had claimed it',
  alert: 'an alert fires for this host',
};

/** Why a start has to wait, with a sentence for people. A code that is not known here was written by another version. */
export function holdReason(code: string): { readonly code: string; readonly text: string } {
  const before = waitedForBefore(code);
  if (before === undefined) return { code, text: texts[code] ?? code };
  return { code, text: `it waited (${texts[before] ?? before}), and then ${absence}` };
}
