import { grafanaAlertFile } from './grafana.ts';
import { alertGroups } from './groups.ts';
import { alertRuleFile, recordingRuleFile } from './prometheus.ts';
import { recordings } from './recordings.ts';
import { servedRunbooks } from './rules.ts';

/** What is generated: path under provisioning/ → text. `runbooks`: where docs/runbooks.md is to be found, if not at the exporter. */
export function generatedFiles(runbooks = servedRunbooks): Readonly<Record<string, string>> {
  return {
    'prometheus/rules/lowtide-alerts.yml': alertRuleFile(alertGroups, runbooks),
    'prometheus/rules/lowtide-recordings.yml': recordingRuleFile(recordings),
    'grafana/alerting/lowtide.yaml': grafanaAlertFile(alertGroups, runbooks),
  };
}
