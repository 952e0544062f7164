/**
 * All alerts and recording rules, said once. Prometheus' rule files and Grafana's own alerts are both generated from these
 * (`npm run provisioning`), so what one of them tells the other tells in the same words.
 *
 * - An expression has a result only where something is wrong; every series of it is one alert.
 * - Texts are templates: `{{ $labels.NAME }}`, and `$value` for the figure of the expression.
 * - Expressions do not ask for a job: the names are Lowtide's own. Only `up` is everybody's, and is that of the job `backups`.
 */
export interface AlertRule {
  readonly name: `Lowtide${string}`;
  readonly expr: string;
  /** How long it has to hold before anybody is told, as Prometheus writes it. */
  readonly for: string;
  /** critical: wake somebody; warning: today; info: when there is time. */
  readonly severity: 'critical' | 'warning' | 'info';
  /** One line: what is wrong, and where. */
  readonly summary: string;
  /** What it means, and what to look at first. */
  readonly description: string;
}

export interface RecordingRule {
  /** `LEVEL:METRIC:OPERATION`. */
  readonly record: string;
  readonly expr: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly AlertRule[];
}

/** Where the exporter that an alert is about serves docs/runbooks.md. An alert about no exporter at all names the usual port. */
export const servedRunbooks = 'http://{{ or $labels.instance "localhost:10210" }}/docs/runbooks.md';

/** The section of an alert in docs/runbooks.md. */
export function runbookAnchor({ name }: Pick<AlertRule, 'name'>): string {
  return name.toLowerCase();
}

export interface Annotations {
  readonly summary: string;
  readonly description: string;
  readonly runbook_url: string;
}

export function annotationsOf(alert: AlertRule, runbooks: string): Annotations {
  const { summary, description } = alert;
  return { summary, description, runbook_url: `${runbooks}#${runbookAnchor(alert)}` };
}
