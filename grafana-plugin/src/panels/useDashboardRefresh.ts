import type { TimeRange } from '@grafana/data';
import { useEffect, useRef } from 'react';

/** The dashboard refreshes by giving its time anew. */
export function useDashboardRefresh(timeRange: TimeRange, refresh: () => void): void {
  const seen = useRef(timeRange);
  useEffect(() => {
    if (seen.current !== timeRange) refresh();
    seen.current = timeRange;
  }, [timeRange, refresh]);
}
