import type { Board } from '../../dashboards/source/board.ts';

/** What Grafana asks Prometheus when somebody opens a dashboard, all hosts and schedules chosen, on a wide screen. */

export interface GrafanaQuery {
  readonly panel: string;
  readonly refId: string;
  readonly expression: string;
  /** Below the address of Prometheus. */
  readonly path: string;
}

export interface GrafanaSight {
  /** The end of what is looked at, in seconds. */
  readonly now: number;
  /** Seconds; absent: what the dashboard looks back at first. */
  readonly range?: number;
  /** What the data source is told of Prometheus, in seconds. */
  readonly scrapeInterval: number;
  /** Seconds; absent: what each panel asks for (its min interval). */
  readonly shortestStep?: number;
}

const screenPixels = 1600;
const unitSeconds: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly instant?: boolean;
}

export function grafanaQueries(dashboard: Board, sight: GrafanaSight): readonly GrafanaQuery[] {
  const { now, range = secondsIn(dashboard.time?.from.replace('now-', '')), scrapeInterval } = sight;
  return (dashboard.panels ?? []).flatMap((panel) => {
    if (!('targets' in panel)) return [];
    const points = panel.maxDataPoints ?? (screenPixels * (panel.gridPos?.w ?? 24)) / 24;
    const shortest = sight.shortestStep ?? secondsIn(panel.interval ?? '0m');
    const step = Math.max(shortest, scrapeInterval, Math.ceil(range / points));
    const values: Readonly<Record<string, string>> = {
      $__rate_interval: `${Math.max(step + scrapeInterval, 4 * scrapeInterval)}s`,
      $__interval: `${step}s`,
      $__range: `${range}s`,
    };
    return ((panel.targets ?? []) as unknown as readonly Target[]).map(({ refId, expr, instant }) => {
      const expression = Object.entries(values)
        .reduce((text, [name, value]) => text.replaceAll(name, value), expr)
        .replace(/"\$(?:job|instance|schedule|type)"/g, '".+"');
      const query = new URLSearchParams({ query: expression });
      if (instant === true) query.set('time', String(now));
      else {
        query.set('start', String(now - range));
        query.set('end', String(now));
        query.set('step', String(step));
      }
      const path = `/api/v1/${instant === true ? 'query' : 'query_range'}?${query.toString()}`;
      return { panel: panel.title ?? '', refId, expression, path };
    });
  });
}

function secondsIn(duration = ''): number {
  const [, count, unit = ''] = /^(\d+)([mhd])$/.exec(duration) ?? [];
  return Number(count) * (unitSeconds[unit] ?? NaN);
}
