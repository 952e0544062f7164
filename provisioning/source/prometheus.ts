import { stringify } from 'yaml';
import { annotationsOf, type AlertGroup, type RecordingRule } from './rules.ts';

/** The rule files of Prometheus, Mimir, Thanos and VictoriaMetrics. */
export function alertRuleFile(groups: readonly AlertGroup[], runbooks: string): string {
  return yaml({
    groups: groups.map(({ name, alerts }) => ({
      name,
      rules: alerts.map((alert) => ({
        alert: alert.name,
        expr: alert.expr,
        ...(alert.for !== '0s' && { for: alert.for }),
        labels: { severity: alert.severity },
        annotations: annotationsOf(alert, runbooks),
      })),
    })),
  });
}

export function recordingRuleFile(rules: readonly RecordingRule[]): string {
  return yaml({ groups: [{ name: 'lowtide-recordings', interval: '1m', rules }] });
}

/** Generated text is not wrapped: an expression stays on the lines it was written on. */
export function yaml(document: object): string {
  return `# Generated from provisioning/source by "npm run provisioning".\n${stringify(document, { lineWidth: 0 })}`;
}
