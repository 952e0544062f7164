import type { AlertGroup } from './rules.ts';

/** Whether the next backup finds a place. */
export const storage: AlertGroup = {
  name: 'lowtide-storage',
  alerts: [
    {
      name: 'LowtideStoreDown',
      expr: 'backup_store_up == 0',
      for: '5m',
      severity: 'critical',
      summary: 'The store {{ $labels.store }} of {{ $labels.instance }} cannot be used',
      description:
        'Backups are not written there, and none is read. /-/ready says why: it is tried again every minute.',
    },
    {
      name: 'LowtideDiskFilling',
      expr: `predict_linear(backup_disk_free_bytes[6h], 4 * 86400) < 0
and backup_disk_usage_percent > 60`,
      for: '1h',
      severity: 'warning',
      summary: 'A disk of {{ $labels.instance }} will be full within four days',
      description:
        'If it goes on as in the last six hours, backups and the catalog find no room. Keep fewer backups (keep), prune, or make it larger.',
    },
    {
      name: 'LowtideDiskFull',
      expr: 'backup_health_status{check_type="disk_space"} == 0',
      for: '5m',
      severity: 'critical',
      summary: 'A disk of {{ $labels.instance }} has no room for another backup',
      description:
        'The largest backup of late would not fit any more, or nearly all is in use. /-/ready names the disk.',
    },
    {
      name: 'LowtideConfigCopyOutdated',
      expr: 'backup_config_copy_current == 0',
      for: '1d',
      severity: 'info',
      summary:
        'The store {{ $labels.store }} of {{ $labels.instance }} does not have the config as it is now',
      description:
        'A host that is lost begins anew from that copy: schedules and stores that came since would be missing. It is written with the next start, reload or backup that reaches the store.',
    },
  ],
};
