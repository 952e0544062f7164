import { useEffect, useState } from 'react';
import type { EpochMs } from '../format/format.ts';
import { now } from '../lib/clock.ts';

/** The time, every so often. */
export function useNow(everyMs: number): EpochMs {
  const [at, setAt] = useState(now);
  useEffect(() => {
    const timer = window.setInterval(() => setAt(now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return at;
}
