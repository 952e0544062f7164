import { useCallback } from 'react';
import { locationService } from '@grafana/runtime';
import { useLocation } from 'react-router';

/** One parameter of the address, so that what is open survives a reload and can be sent to somebody. */
export function useQuery(name: string): readonly [string | undefined, (value: string | undefined) => void] {
  const { search } = useLocation();
  const value = new URLSearchParams(search).get(name) ?? undefined;
  const set = useCallback(
    (next: string | undefined) => locationService.partial({ [name]: next ?? null }),
    [name],
  );
  return [value, set];
}
