import type { Registry } from 'prom-client';

/**
 * Both text formats from one registry. The client library fixes the format per registry, and writing OpenMetrics it renames
 * the counters for good (a later text page would lack `_total`) and leaves bucket bounds like `1`, where the
 * standard has `1.0`. Sources: prometheus.io/docs/instrumenting/exposition_formats and prometheus/OpenMetrics 1.0.
 */
export type PageFormat = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<PageFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

/** What the registry holds now. A metric that cannot be read is left out, and `onError` hears of it. */
export async function readFamilies(
  registry: Registry,
  onError: (metric: string, error: unknown) => void,
): Promise<readonly Family[]> {
  const families = await Promise.all(
    registry.getMetricsAsArray().map(async ({ name }): Promise<Family[]> => {
      try {
        const metric = await registry.getSingleMetric(name)?.get();
        if (metric === undefined) return [];
        const samples = metric.values.map((sample) => ({
          name: 'metricName' in sample && typeof sample.metricName === 'string' ? sample.metricName : name,
          labels: sample.labels,
          value: sample.value,
        }));
        // The library's types say a number, but it is the word.
        return [{ name, help: metric.help, type: String(metric.type), samples }];
      } catch (error) {
        onError(name, error);
        return [];
      }
    }),
  );
  return families.flat();
}

/** The page, and how many series are on it. Samples that are not a number are left out: they say nothing, and spread in sums. */
export function renderPage(
  families: readonly Family[],
  format: PageFormat,
): { readonly text: string; readonly series: number } {
  const open = format === 'openmetrics';
  const lines: string[] = [];
  let series = 0;
  for (const family of families) {
    const name = open && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
    const help = escapeBackslashes(family.help);
    lines.push(
      `# HELP ${name} ${open ? help.replaceAll('"', '\\"') : help}`,
      `# TYPE ${name} ${family.type}`,
    );
    for (const sample of family.samples) {
      if (Number.isNaN(sample.value)) continue;
      lines.push(`${sample.name}${renderLabels(sample.labels, open)} ${renderNumber(sample.value)}`);
      series += 1;
    }
  }
  if (open) lines.push('# EOF');
  return { text: `${lines.join('\n')}\n`, series };
}

function renderLabels(labels: Sample['labels'], open: boolean): string {
  let pairs = '';
  for (const name in labels) {
    const value = labels[name];
    if (value === undefined) continue;
    const text =
      typeof value === 'string' ? escapeLabel(value) : open ? canonicalNumber(value) : renderNumber(value);
    pairs += `${pairs === '' ? '' : ','}${name}="${text}"`;
  }
  return pairs === '' ? '' : `{${pairs}}`;
}

function renderNumber(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/**
 * Bucket bounds as Go writes them (`%g`, with `.0` on whole numbers): OpenMetrics asks for one spelling, since `le` is
 * compared as text.
 */
export function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) return renderNumber(value);
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 6)) {
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function escapeBackslashes(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

const special = /[\\\n"]/;

function escapeLabel(text: string): string {
  // Hardly a value needs it, and a page has thousands.
  return special.test(text) ? escapeBackslashes(text).replaceAll('"', '\\"') : text;
}
