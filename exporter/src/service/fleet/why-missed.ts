import { absent, interrupted } from '../../events/events.ts';
import { claimSilent, deadlinePassed, type Job } from '../../queue/queue.ts';

/** Why a job was missed or lost, as `run:missed` has it. */
export function whyMissed({ reason }: Pick<Job, 'reason'>): string {
  const code = reason?.code ?? deadlinePassed;
  // A host that is there, and does not begin it, says what keeps it from that.
  if (code === deadlinePassed) return absent;
  return code === claimSilent ? interrupted : code;
}
