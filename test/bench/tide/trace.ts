import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { hourMs, minuteMs, stepMs } from './time.ts';

/** What a host was like: shares in use, 0 to 1, in steps of five minutes. A gap is NaN. */
export interface Trace {
  readonly name: string;
  /** Local time of day, as if it were UTC. */
  readonly startsAt: number;
  readonly cpu: readonly number[];
  readonly memory: readonly number[];
}

/** Of ../shared/loads: thousandths, -1 for a gap. */
export function readTrace(path: string): Trace {
  const { id, startMs, cpu, mem } = JSON.parse(gunzipSync(readFileSync(path)).toString()) as {
    readonly id: string;
    readonly startMs: number;
    readonly cpu: readonly number[];
    readonly mem?: readonly number[];
  };
  const shares = (loads: readonly number[]): number[] =>
    loads.map((load) => (load < 0 ? NaN : Math.min(1, load / 1000)));
  return { name: id, startsAt: startMs, cpu: shares(cpu), memory: shares(mem ?? cpu.map(() => -1)) };
}

/**
 * Three weeks of an office's server: busy from eight to six with a dip at noon, a batch from half past one on every night, and
 * noise. The same at every call.
 */
export function officeTrace(): Trace {
  const days = 21;
  let seed = 1;
  const noise = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647 - 0.5;
  };
  const cpu = Array.from({ length: (days * 24 * hourMs) / stepMs }, (_, step) => {
    const day = Math.floor((step * stepMs) / (24 * hourMs));
    const hour = ((step * stepMs) / hourMs) % 24;
    const isWorkday = day % 7 < 5;
    const work = isWorkday && hour >= 8 && hour < 18 ? (hour >= 12 && hour < 13 ? 0.3 : 0.55) : 0.05;
    const batch = hour >= 1.5 && hour < 4 ? 0.5 : 0;
    return Math.min(1, Math.max(0, work + batch + 0.1 * noise()));
  });
  // A Monday.
  return { name: 'an office', startsAt: Date.UTC(2026, 0, 5), cpu, memory: cpu.map(() => 0.4) };
}

/** Puts the trace's day number `day` on the day that begins at `onto`: the time of day stays. */
export function moved(trace: Trace, day: number, onto: number): Trace {
  const dayStarts = Math.floor(trace.startsAt / (24 * hourMs)) * 24 * hourMs + day * 24 * hourMs;
  return { ...trace, startsAt: trace.startsAt + onto - dayStarts };
}

/** The mean of what is known from `start` on for as long as `lengthMs`; NaN where nothing is. */
export function loadMet(trace: Trace, start: number, lengthMs: number): number {
  let sum = 0;
  let minutes = 0;
  for (let at = start; at < start + lengthMs; at += minuteMs) {
    const load = cpuAt(trace, at);
    if (Number.isNaN(load)) continue;
    sum += load;
    minutes += 1;
  }
  return sum / minutes;
}

function cpuAt({ startsAt, cpu }: Trace, at: number): number {
  return cpu[Math.floor((at - startsAt) / stepMs)] ?? NaN;
}

/** As Prometheus takes it in, a sample a minute, from `from` until `until`; gaps stay gaps. */
export function openMetrics(trace: Trace, from: number, until: number): string {
  const series = (name: string, loads: readonly number[]): string[] => {
    const lines = [`# TYPE ${name} gauge`];
    for (let at = from; at < until; at += minuteMs) {
      const load = loads[Math.floor((at - trace.startsAt) / stepMs)] ?? NaN;
      if (!Number.isNaN(load)) lines.push(`${name}{instance="traced"} ${load} ${at / 1000}`);
    }
    return lines;
  };
  return [
    ...series('trace_cpu_ratio', trace.cpu),
    ...series('trace_memory_ratio', trace.memory),
    '# EOF',
    '',
  ].join('\n');
}
