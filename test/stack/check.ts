/**
 * Whether the containers of docker-compose.yml work together: `node check.ts EXPORTER PROMETHEUS [GRAFANA]`, the address of each.
 * Every check is tried until it holds, for three minutes at most. It has no dependencies: it runs in the exporter's image.
 */
interface Check {
  readonly name: string;
  readonly url: string;
  /** What is still missing; undefined where nothing is. */
  readonly missing: (body: string) => string | undefined;
}

const patienceMs = Number(process.env['PATIENCE_MS'] ?? 180_000);
const pauseMs = 500;

const contains =
  (...texts: readonly string[]) =>
  (body: string): string | undefined =>
    texts.find((text) => !body.includes(text));

function checksOf([exporter = '', prometheus = '', grafana]: readonly string[]): readonly Check[] {
  const query = (expression: string): string =>
    `${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`;
  const hasResult = (body: string): string | undefined =>
    body.includes('"result":[{') ? undefined : 'a result';
  const ofGrafana = (url: string): readonly Check[] => [
    {
      name: 'Grafana reaches Prometheus',
      url: `${url}/api/datasources/uid/lowtide-prometheus/health`,
      missing: contains('"OK"'),
    },
    {
      name: 'Grafana has the dashboards',
      url: `${url}/api/search?type=dash-db`,
      missing: contains('Overview', 'Schedules', 'Backups', 'Keys', 'Exporter'),
    },
    {
      name: 'Grafana has the alerts',
      url: `${url}/api/v1/provisioning/alert-rules`,
      missing: contains('LowtideBackupTooOld', 'LowtideExporterDown'),
    },
    {
      name: 'the app is on',
      url: `${url}/api/plugins/lowtide-backups-app/settings`,
      missing: contains('"enabled":true'),
    },
    {
      name: 'the app reaches the exporter',
      url: `${url}/api/plugin-proxy/lowtide-backups-app/api/v1/schedules`,
      missing: contains('"items"'),
    },
  ];
  return [
    {
      name: 'the exporter runs',
      url: `${exporter}/-/healthy`,
      missing: contains('running'),
    },
    {
      name: 'Prometheus scrapes it',
      url: query('up{job="backups"} == 1'),
      missing: hasResult,
    },
    {
      name: 'Prometheus has the alerts',
      url: `${prometheus}/api/v1/rules?type=alert`,
      missing: contains('LowtideBackupTooOld', 'LowtideExporterDown'),
    },
    {
      name: 'a backup was made',
      url: query('backup_last_success_timestamp_seconds > 0'),
      missing: hasResult,
    },
    {
      name: 'a backup was read back',
      url: query('backup_verification_total{status="passed"} > 0'),
      missing: hasResult,
    },
    ...(grafana === undefined ? [] : ofGrafana(grafana)),
  ];
}

/** What is missing in the end; undefined where the check holds. */
async function tryUntil({ url, missing }: Check, deadline: number): Promise<string | undefined> {
  for (;;) {
    const found = await look(url, missing);
    if (found === undefined || performance.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function look(url: string, missing: Check['missing']): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const body = await response.text();
    return response.ok ? missing(body) : `status 200: it is ${response.status}`;
  } catch (error) {
    return `an answer: ${String(error)}`;
  }
}

const deadline = performance.now() + patienceMs;
for (const check of checksOf(process.argv.slice(2))) {
  const missing = await tryUntil(check, deadline);
  console.log(
    missing === undefined ? `ok      ${check.name}` : `FAILED  ${check.name}: ${check.url} lacks ${missing}`,
  );
  if (missing !== undefined) process.exitCode = 1;
}
