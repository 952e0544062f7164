import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { metricFacts, type MetricFacts } from '../../exporter/src/metrics/names.ts';
import { generatedFiles } from './files.ts';
import { dataSourceUid } from './grafana.ts';
import { alertGroups } from './groups.ts';
import { recordings } from './recordings.ts';
import { annotationsOf, runbookAnchor, servedRunbooks, type AlertRule } from './rules.ts';

const provisioning = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(provisioning, path), 'utf8');

const alerts = alertGroups.flatMap((group) => group.alerts);
const byName = alerts.map((alert) => [alert.name, alert] as const);

/** The metrics of Lowtide's own that an expression names, each with the labels that it is asked by. */
function metricsIn(expr: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expr.matchAll(/(?<![\w:])((?:backup|lowtide)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name: name.replace(/_(bucket|sum|count)$/, ''),
      labels: [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label),
    }),
  );
}

const factsOf = (name: string): MetricFacts | undefined =>
  new Map<string, MetricFacts>(Object.entries(metricFacts)).get(name);

describe('the generated files', () => {
  it.each(Object.entries(generatedFiles()))(
    '%s is up to date: else run "npm run provisioning"',
    (path, text) => {
      expect(read(path)).toBe(text);
    },
  );
});

describe('every rule', () => {
  it.each([...byName, ...recordings.map((rule) => [rule.record, rule] as const)])(
    '%s asks for metrics that there are, by labels that they have',
    (_, { expr }) => {
      for (const { name, labels } of metricsIn(expr)) {
        expect([name, factsOf(name) !== undefined]).toEqual([name, true]);
        expect([...(factsOf(name)?.labels ?? []), 'job', 'instance']).toEqual(
          expect.arrayContaining([...labels]),
        );
      }
      expect(metricsIn(expr).length > 0 || expr.includes('up{job="backups"}')).toBe(true);
    },
  );

  it('counts what only grows by how much it grew', () => {
    const counters = (expr: string): readonly string[] =>
      [...expr.matchAll(/(\w+\()?(\w+_total)\b/g)].flatMap(([, call = '', name = '']) =>
        call === 'increase(' ? [] : [name],
      );
    const bare = alerts.flatMap(({ name, expr }) => counters(expr).map((metric) => [name, metric]));
    // Whether one was ever missed is what that alert asks.
    expect(bare).toEqual([['LowtideBackupNeverSucceeded', 'backup_missed_total']]);
  });
});

describe('every alert', () => {
  it('has a name of its own', () => {
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length);
  });

  it.each(byName)('%s says what is wrong, where, and what to look at', (_, alert) => {
    const { summary, description } = annotationsOf(alert, servedRunbooks);
    expect(summary).toContain('$labels.instance');
    expect(summary.length).toBeLessThan(150);
    expect(summary).not.toMatch(/\.$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
    const known = [...metricsIn(alert.expr).flatMap(({ name }) => factsOf(name)?.labels ?? []), 'instance'];
    const named = [...`${summary}${description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    expect(known).toEqual(expect.arrayContaining(named));
  });

  it.each(byName)('%s has a runbook: meaning, first look, remedy', (name, alert) => {
    const page = readFileSync(join(provisioning, '../exporter/docs/runbooks.md'), 'utf8');
    const section = page.split(/^## /m).find((each) => each.startsWith(`${name}\n`)) ?? '';
    for (const part of ['**Meaning.**', '**First look.**', '**Remedy.**']) expect(section).toContain(part);
    expect(annotationsOf(alert, servedRunbooks).runbook_url).toBe(
      `${servedRunbooks}#${runbookAnchor(alert)}`,
    );
  });

  it('is in the runbooks in the same order, and no other is', () => {
    const page = readFileSync(join(provisioning, '../exporter/docs/runbooks.md'), 'utf8');
    const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts.map(({ name }) => name));
  });

  it('is in the table of docs/alerts.md, with its severity and its runbook', () => {
    const page = readFileSync(join(provisioning, '../exporter/docs/alerts.md'), 'utf8');
    const rows = [...page.matchAll(/^\| \[(\w+)\]\(runbooks\.md#(\w+)\) +\| (\w+) +\|/gm)];
    expect(rows.map(([, name, anchor, severity]) => [name, anchor, severity])).toEqual(
      alerts.map((alert) => [alert.name, runbookAnchor(alert), alert.severity]),
    );
  });

  it.each(byName)('%s is tested by promtool where it fires, and where it does not', (name) => {
    const cases = readdirSync(join(provisioning, 'prometheus/tests')).flatMap((file) =>
      casesOf(read(`prometheus/tests/${file}`), name),
    );
    expect(cases.some((expected) => expected > 0)).toBe(true);
    expect(cases.some((expected) => expected === 0)).toBe(true);
  });
});

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test?: readonly {
      readonly expr: string;
      readonly exp_samples: readonly unknown[];
    }[];
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

/** How many alerts of a name each of its tests expects. */
function casesOf(text: string, name: string): readonly number[] {
  return (parse(text) as RuleTests).tests.flatMap((test) => [
    ...(test.promql_expr_test ?? [])
      .filter(({ expr }) => expr.includes(`ALERTS{alertname="${name}",alertstate="firing"}`))
      .map((each) => each.exp_samples.length),
    ...(test.alert_rule_test ?? [])
      .filter(({ alertname }) => alertname === name)
      .map((each) => each.exp_alerts.length),
  ]);
}

interface GrafanaRule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly data: readonly {
    readonly refId: string;
    readonly datasourceUid: string;
    readonly relativeTimeRange: { readonly from: number; readonly to: number };
    readonly model: Readonly<Record<string, unknown>>;
  }[];
  readonly noDataState: string;
  readonly execErrState: string;
  readonly for: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

describe('the example of contact points', () => {
  const example = parse(read('grafana/alerting/contact-points.yaml.example')) as {
    readonly contactPoints: readonly {
      readonly name: string;
      readonly receivers: readonly {
        readonly uid: string;
        readonly type: string;
        readonly settings: object;
      }[];
    }[];
    readonly policies: readonly {
      readonly receiver: string;
      readonly routes: readonly {
        readonly receiver: string;
        readonly object_matchers: readonly (readonly string[])[];
      }[];
    }[];
  };

  it('sends to contact points that it has, by severities that there are', () => {
    const names = example.contactPoints.map(({ name }) => name);
    const routes = example.policies.flatMap((policy) => policy.routes);
    const used = [...example.policies, ...routes].map(({ receiver }) => receiver);
    expect(new Set(used)).toEqual(new Set(names));
    const severities = routes.flatMap((route) => route.object_matchers.map(([, , value]) => value));
    expect(alerts.map(({ severity }): string => severity)).toEqual(expect.arrayContaining(severities));
  });

  it('has receivers with the settings that their types need', () => {
    const needed: Readonly<Record<string, string>> = { webhook: 'url', email: 'addresses' };
    for (const { uid, type, settings } of example.contactPoints.flatMap((point) => point.receivers)) {
      expect(uid).toMatch(/^[a-z-]{1,40}$/);
      expect(settings).toHaveProperty(needed[type] ?? 'a type that is known');
    }
  });
});

describe('the alerts for Grafana', () => {
  const { groups } = parse(read('grafana/alerting/lowtide.yaml')) as {
    readonly groups: readonly { readonly name: string; readonly rules: readonly GrafanaRule[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const ofName = (name: string): GrafanaRule => rules.find(({ title }) => title === name)!;

  it('are the same ones, in the same groups', () => {
    expect(groups.map(({ name, rules: own }) => [name, own.map(({ title }) => title)])).toEqual(
      alertGroups.map(({ name, alerts: own }) => [name, own.map((alert) => alert.name)]),
    );
  });

  it.each(byName)('%s has what the reader of such files asks for', (name, alert: AlertRule) => {
    const rule = ofName(name);
    expect(rule.uid).toMatch(/^[a-z-]{1,40}$/);
    expect(rule.data.map(({ refId }) => refId)).toContain(rule.condition);
    expect(rule.data[0]?.model).toMatchObject({ expr: alert.expr, instant: true });
    expect(rule.data.map(({ datasourceUid }) => datasourceUid)).toEqual([
      dataSourceUid,
      '__expr__',
      '__expr__',
    ]);
    for (const { refId, model, relativeTimeRange } of rule.data) {
      expect(model['refId']).toBe(refId);
      expect(relativeTimeRange.from).toBeGreaterThan(relativeTimeRange.to);
    }
    expect(['OK', 'Alerting', 'NoData', 'KeepLast']).toContain(rule.noDataState);
    expect(['OK', 'Alerting', 'Error', 'KeepLast']).toContain(rule.execErrState);
    expect(rule.for).toMatch(/^\d+[smhd]$/);
    expect(rule.labels).toEqual({ severity: alert.severity });
  });

  it('have addresses of their own', () => {
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
  });

  // Grafana would put variables of its environment there: in annotations for ${NAME}, elsewhere for $NAME as well.
  it.each(byName)('%s has no $ where Grafana would replace it', (name) => {
    const { data, annotations, ...rest } = ofName(name);
    expect(JSON.stringify(rest)).not.toContain('$');
    expect(JSON.stringify(annotations)).not.toContain('${');
    expect(JSON.stringify(data.map(({ refId, datasourceUid }) => [refId, datasourceUid]))).not.toContain('$');
  });
});
