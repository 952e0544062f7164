import type { AlertGroup } from './rules.ts';

const activeAge = 'time() - backup_key_created_timestamp_seconds{state="active"}';

/** Whether backups can be opened, by us and by nobody else. */
export const keys: AlertGroup = {
  name: 'lowtide-keys',
  alerts: [
    {
      name: 'LowtideKeyMissing',
      expr: `backup_key_backups > 0
unless on (job, instance, key_id) backup_key_created_timestamp_seconds`,
      for: '5m',
      severity: 'critical',
      summary:
        '{{ $value }} backups on {{ $labels.instance }} are sealed to {{ $labels.key_id }}, which the keystore does not have',
      description:
        'Nobody can open them here. Bring the key back from your copy of it (lowtide keys import), or use a recovery key.',
    },
    {
      name: 'LowtideKeyTooOld',
      expr: `${activeAge} > on (job, instance) group_left () backup_key_max_age_seconds
or
${activeAge} > 400 * 86400 unless on (job, instance) backup_key_max_age_seconds`,
      for: '1h',
      severity: 'warning',
      summary:
        'The active key {{ $labels.key_id }} of {{ $labels.instance }} is {{ $value | humanizeDuration }} old',
      description:
        'That is more than encryption.max_key_age allows, or than 400 days where nothing is configured. lowtide rotate --dry-run shows what a rotation would do.',
    },
    {
      name: 'LowtideRotationFailed',
      expr: 'backup_key_rotation_status{status="failed"} == 1',
      for: '5m',
      severity: 'warning',
      summary: 'The latest rotation of keys on {{ $labels.instance }} has failed',
      description:
        'Some backups are still sealed to the old key; all can be read. lowtide rotate --resume tries those that failed again.',
    },
    {
      name: 'LowtideRotationStuck',
      expr: `backup_key_rotation_status{status="interrupted"} == 1
or
backup_key_rotation_status{status="running"} == 1
and on (job, instance) changes(backup_key_rotation_progress_ratio[12h]) == 0`,
      for: '2h',
      severity: 'warning',
      summary: 'A rotation of keys on {{ $labels.instance }} does not get on',
      description:
        'It was interrupted and not resumed, or has dealt with no backup for hours. With at_low_tide it may wait for the host, for a day at most.',
    },
    {
      name: 'LowtideRetiringKeyInUse',
      expr: `backup_key_backups > 0
and on (job, instance, key_id) backup_key_created_timestamp_seconds{state="retiring"}
and on (job, instance) ${activeAge} > 30 * 86400`,
      for: '1h',
      severity: 'info',
      summary:
        '{{ $value }} backups on {{ $labels.instance }} still need the key {{ $labels.key_id }}, which was followed by another a month ago',
      description:
        'As long as they do, that key cannot be retired, and whoever has it can read them. lowtide rotate rewraps them, or they are pruned with time.',
    },
  ],
};
