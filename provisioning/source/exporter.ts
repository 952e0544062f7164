import type { AlertGroup } from './rules.ts';

/** Whether Lowtide itself is well: where it is not, the other alerts may be silent. */
export const exporter: AlertGroup = {
  name: 'lowtide-exporter',
  alerts: [
    {
      name: 'LowtideExporterDown',
      expr: 'up{job="backups"} == 0 or absent(up{job="backups"})',
      for: '5m',
      severity: 'critical',
      summary: 'Lowtide {{ with $labels.instance }}on {{ . }} {{ end }}cannot be scraped',
      description:
        'No backups are made while it is down, and no other alert tells of them. Look whether lowtide serve runs, and at its last log lines; then whether Prometheus reaches it, in time and with the right scheme and password.',
    },
    {
      name: 'LowtideHealthCheckFailing',
      expr: 'backup_health_status{check_type!~"copies|disk_space|restore_proof|stores"} == 0',
      for: '15m',
      severity: 'warning',
      summary: 'The health check {{ $labels.check_type }} of {{ $labels.instance }} fails',
      description:
        'Something that the next backups need is not in order. /-/ready says what, in a sentence, and what helps.',
    },
    {
      name: 'LowtideStateAway',
      expr: 'lowtide_state_available == 0',
      for: '5m',
      severity: 'critical',
      summary: '{{ $labels.instance }} is cut off from the PostgreSQL that has its state',
      description:
        'It makes the backups of its critical schedules and keeps note of them; all others wait, and nothing is pruned. Look whether PostgreSQL runs, and at the network between.',
    },
    {
      name: 'LowtideConfigNotReloaded',
      expr: 'lowtide_config_last_reload_successful == 0 or lowtide_web_config_last_reload_successful == 0',
      for: '10m',
      severity: 'warning',
      summary: 'The changed config of {{ $labels.instance }} was not taken up',
      description:
        'The one before stays in force until the mistake is mended, and a restart would fail. lowtide check-config names every mistake with its line.',
    },
    {
      name: 'LowtideMetricsIncomplete',
      expr: 'lowtide_collector_success == 0',
      for: '10m',
      severity: 'warning',
      summary: 'The metrics of {{ $labels.collector }} are missing on {{ $labels.instance }}',
      description:
        'Alerts and dashboards that need them do not see what happens. The log says once why they could not be made.',
    },
  ],
};
