import type { HostLoad } from '../schedule/slot-grid.ts';
import type { LoadForecast } from './forecast.ts';

/** What the planner is told of the host: the forecasts of processors and memory. */
export function expectedLoad(forecasts: {
  readonly cpu: LoadForecast;
  readonly memory: LoadForecast;
}): HostLoad {
  const { cpu, memory } = forecasts;
  return {
    startsAt: cpu.startsAt,
    stepMs: cpu.stepMs,
    cpu: capacityTaken(cpu),
    memory: capacityTaken(memory),
    seen: { cpu: Math.min(1, cpu.daysSeen), memory: Math.min(1, memory.daysSeen) },
    isKnown: cpu.basis !== 'none' && cpu.basis !== 'level',
    unknown: (['cpu', 'memory'] as const).filter((name) => forecasts[name].basis === 'none'),
    asYesterday: (['cpu', 'memory'] as const).filter((name) => forecasts[name].basis === 'yesterday'),
  };
}

/** Nothing known is no reason to leave room for: the gate looks at the load itself when the time has come. */
function capacityTaken({ basis, expected }: LoadForecast): Float64Array {
  return basis === 'none' ? new Float64Array(expected.length) : expected;
}
