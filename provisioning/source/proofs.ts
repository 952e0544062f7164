import type { AlertGroup } from './rules.ts';

/** Whether what is stored can be brought back. */
export const proofs: AlertGroup = {
  name: 'lowtide-proofs',
  alerts: [
    {
      name: 'LowtideVerificationFailed',
      expr: 'increase(backup_verification_total{status="failed"}[1d]) > 0',
      for: '0s',
      severity: 'critical',
      summary:
        '{{ $value | printf "%.0f" }} copies of backups on {{ $labels.instance }} failed their verification within a day',
      description:
        'They could not be opened, or are not what was stored: nothing is restored from them. lowtide backups names the damaged copies; other copies of the same backup may be sound.',
    },
    {
      name: 'LowtideCopiesNotMadeGood',
      expr: 'backup_copies_waiting > 0',
      for: '1d',
      severity: 'warning',
      summary:
        '{{ $value | printf "%.0f" }} copies in the store {{ $labels.store }} of {{ $labels.instance }} have been failed, damaged or missing for a day',
      description:
        'These backups have fewer copies than their schedules want. Copies are made good from others while the host is quiet; the log says what is in the way, and lowtide backups heal makes them now.',
    },
    {
      name: 'LowtideFullReadBehind',
      expr: 'backup_full_read_overdue > 0',
      for: '2d',
      severity: 'warning',
      summary:
        '{{ $value | printf "%.0f" }} copies in the store {{ $labels.store }} of {{ $labels.instance }} were not read in full in their time',
      description:
        'What a disk or a line has done to them would not be known. They are read a few each day while the host is quiet (verify.full_read): the log says which could not be read.',
    },
    {
      name: 'LowtideRestoreUnproven',
      expr: 'backup_health_status{check_type="restore_proof"} == 0',
      for: '1h',
      severity: 'warning',
      summary: 'It is not proven that the backups of {{ $labels.instance }} can be restored',
      description:
        'A schedule has backups that were never opened and compared, not for a month, or whose newest has no sound copy. /-/ready names it, and what proves it.',
    },
    {
      name: 'LowtideDrillFailed',
      expr: 'backup_restore_drill_passed == 0',
      for: '0s',
      severity: 'critical',
      summary: 'The last restore drill of {{ $labels.schedule }} on {{ $labels.instance }} has failed',
      description:
        'The newest backup could not be restored, or what came out was not as its checks want it, or took too long. lowtide drills has what was found.',
    },
    {
      name: 'LowtideDrillOverdue',
      expr: `time() - backup_restore_drill_last_success_timestamp_seconds > 2 * backup_restore_drill_interval_seconds
or
(backup_restore_drill_interval_seconds and backup_last_success_timestamp_seconds)
unless backup_restore_drill_last_success_timestamp_seconds`,
      for: '2d',
      severity: 'warning',
      summary: 'No restore drill of {{ $labels.schedule }} on {{ $labels.instance }} has passed in time',
      description:
        'None has passed for two of its intervals, or none ever, though there are backups. lowtide drill makes one now, and says what is in its way.',
    },
  ],
};
