import { z } from 'zod';
import type { Clock } from '../clock/clock.ts';
import type { Config, ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { GateTimes } from './gate.ts';
import { askPrometheus, reasonOf, type PrometheusAccess } from './prometheus-api.ts';

type AlertsConfig = NonNullable<Config['load']['alerts']>;

/** Whether a backup that matters less has to wait because an alert fires: as long as it has time, and no longer. */
export function heldByAlert(
  firing: readonly string[],
  { priority, on_deadline: onDeadline }: Pick<ScheduleConfig, 'priority' | 'on_deadline'>,
  { now, deadline }: Pick<GateTimes, 'now' | 'deadline'>,
): boolean {
  const mayWait = priority === 'low' || priority === 'medium';
  return firing.length > 0 && mayWait && (onDeadline === 'skip' || now < deadline);
}

const vectorSchema = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ metric: z.record(z.string(), z.string()) })),
});

/** The names of the alerts that fire now, of those with these labels. Throws `alerts_unavailable`, and the signal's reason. */
export async function fetchFiring(
  access: PrometheusAccess,
  matchers: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // Prometheus tells of its alerts by this series: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/.
  const query = `ALERTS{${['alertstate="firing"', matchers].filter((part) => part !== '').join(',')}}`;
  try {
    const { result } = await askPrometheus(access, 'query', { query }, vectorSchema, signal);
    return [...new Set(result.map(({ metric }) => metric['alertname'] ?? 'unnamed'))].sort();
  } catch (thrown) {
    signal.throwIfAborted();
    throw new LowtideError('alerts_unavailable', `no alerts from Prometheus: ${reasonOf(thrown)}`, {
      hint: 'Check load.alerts in the config; until it answers, no backup waits for an alert.',
      retryable: true,
      cause: thrown,
    });
  }
}

const lookEveryMs = 15_000;

export interface AlertWatchOptions {
  readonly alerts: AlertsConfig | undefined;
  readonly clock: Clock;
  /** Hears of the first failure of a row of them. */
  readonly onProblem: (problem: LowtideError) => void;
}

/** Looks at the alerts every few seconds. What is not known holds up nothing. */
export class AlertWatch {
  readonly #options: AlertWatchOptions;
  #firing: readonly string[] = [];

  constructor(options: AlertWatchOptions) {
    this.#options = options;
  }

  firing(): readonly string[] {
    return this.#firing;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { alerts, clock, onProblem } = this.#options;
    if (alerts === undefined) return;
    const { url, bearer_token: bearerToken, timeout, matchers } = alerts.prometheus;
    const access = { url, timeoutMs: timeout, ...(bearerToken !== undefined && { bearerToken }) };
    let failing = false;
    while (!signal.aborted) {
      try {
        this.#firing = await fetchFiring(access, matchers, signal);
        failing = false;
      } catch (thrown) {
        this.#firing = [];
        if (!failing && !isAborted(signal)) onProblem(LowtideError.from(thrown));
        failing = true;
      }
      await clock.wakeAt(clock.now() + lookEveryMs, signal).catch(() => undefined);
    }
  }
}

/** The compiler does not know that time goes by. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
