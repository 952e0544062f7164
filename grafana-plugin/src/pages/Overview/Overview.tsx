import React from 'react';
import { PluginPage } from '@grafana/runtime';
import { LoadingPlaceholder } from '@grafana/ui';
import { allOf } from '../../api/client.ts';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { now } from '../../lib/clock.ts';
import { overviewOf, type Overview as Verdict } from '../../overview/overview.ts';
import { useWords } from '../../words/useWords.ts';

const intervalMs = 30_000;

async function look(): Promise<Verdict> {
  const [status, schedules, runs, keys] = await Promise.all([
    exporter.status(),
    allOf(exporter.schedules),
    exporter.runs({ limit: 200 }),
    allOf(exporter.keys),
  ]);
  return overviewOf({ status, schedules, runs: runs.items, keys }, now());
}

export function Overview(): React.JSX.Element {
  const { data, failure } = usePolling(look, intervalMs);
  const { say } = useWords();
  return (
    <PluginPage>
      {data !== undefined && <p>{say(data.sentence)}</p>}
      {failure !== undefined && <p role="alert">{say(failure.message)}</p>}
      {data === undefined && failure === undefined && <LoadingPlaceholder text="" />}
    </PluginPage>
  );
}
