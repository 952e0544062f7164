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
      name: 'LowtideRestoreUnproven',
      expr: 'backup_health_status{check_type="restore_proof"} == 0',
      for: '1h',
      severity: 'warning',
      summary: 'It is not proven that the backups of {{ $labels.instance }} can be restored',
      description:
        'A schedule has backups that were never opened and compared, not for a month, or whose newest has no sound copy. /-/ready names it, and what proves it.',
    },
  ],
};
