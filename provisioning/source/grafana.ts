import { yaml } from './prometheus.ts';
import { annotationsOf, type AlertGroup, type AlertRule } from './rules.ts';

/** The data source of provisioning/grafana/datasources: the alerts name it. */
export const dataSourceUid = 'lowtide-prometheus';

/**
 * The same alerts for Grafana's own alerting, as a provisioning file. Three steps, as in Grafana's conversion of Prometheus
 * rules: every series that the query has is one alert, whatever its value (`up == 0` is 0).
 *
 * Grafana replaces `$NAME` in most fields of such a file, and leaves queries and annotations alone: a `$` in these is written
 * once, and stands nowhere else.
 */
export function grafanaAlertFile(groups: readonly AlertGroup[], runbooks: string): string {
  return yaml({
    apiVersion: 1,
    groups: groups.map(({ name, alerts }) => ({
      orgId: 1,
      name,
      folder: 'Lowtide',
      interval: '1m',
      rules: alerts.map((alert) => ruleOf(alert, runbooks)),
    })),
  });
}

/** `LowtideStoreDown` → `lowtide-store-down`: an address that stays, of at most 40 characters. */
function uidOf({ name }: AlertRule): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, '-$&').toLowerCase();
}

function ruleOf(alert: AlertRule, runbooks: string): object {
  const annotations = Object.entries(annotationsOf(alert, runbooks)).map(([name, text]) => [
    name,
    String(text).replaceAll('$value', '$values.query.Value'),
  ]);
  return {
    uid: uidOf(alert),
    title: alert.name,
    condition: 'threshold',
    data: [
      {
        refId: 'query',
        relativeTimeRange: { from: 600, to: 0 },
        datasourceUid: dataSourceUid,
        model: {
          refId: 'query',
          datasource: { type: 'prometheus', uid: dataSourceUid },
          expr: alert.expr,
          instant: true,
          range: false,
          intervalMs: 1000,
          maxDataPoints: 43_200,
        },
      },
      step('found', 'math', 'is_number($query) || is_nan($query) || is_inf($query)'),
      step('threshold', 'threshold', 'found', {
        conditions: [{ type: 'query', evaluator: { type: 'gt', params: [0] } }],
      }),
    ],
    // No series is the good case. A query that fails is told of as the alert it is.
    noDataState: 'OK',
    execErrState: 'Error',
    for: alert.for,
    annotations: Object.fromEntries(annotations) as object,
    labels: { severity: alert.severity },
    isPaused: false,
  };
}

const expressions = '__expr__';

function step(refId: string, type: string, expression: string, more: object = {}): object {
  return {
    refId,
    relativeTimeRange: { from: 600, to: 0 },
    datasourceUid: expressions,
    model: {
      refId,
      datasource: { type: expressions, uid: expressions },
      type,
      expression,
      intervalMs: 1000,
      maxDataPoints: 43_200,
      ...more,
    },
  };
}
