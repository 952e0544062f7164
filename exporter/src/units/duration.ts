/**
 * Durations as Prometheus writes them (`90s`, `1h30m`, `30d`): units from large to small, each at most once.
 * Source: prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations.
 */
const unitsMs = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

const pattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds, or undefined where the text is not a duration above zero. */
export function parseDuration(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const total = Object.values(unitsMs).reduce(
    (sum, ms, index) => sum + Number(match[index + 1] ?? 0) * ms,
    0,
  );
  return total > 0 && Number.isSafeInteger(total) ? total : undefined;
}

/** The shortest exact text, `1h30m`; a person reads it, `parseDuration` reads it back. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs);
  if (rest <= 0) return '0s';
  let text = '';
  for (const [unit, ms] of Object.entries(unitsMs)) {
    if (unit === 'y' || unit === 'w') continue;
    const count = Math.floor(rest / ms);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * ms;
  }
  return text;
}
