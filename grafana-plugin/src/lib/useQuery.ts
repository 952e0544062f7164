import { useCallback, useMemo } from 'react';
import { locationService } from '@grafana/runtime';
import { useLocation } from 'react-router';

/** One parameter of the address, so that what is open survives a reload and can be sent to somebody. */
export function useQuery(name: string): readonly [string | undefined, (value: string | undefined) => void] {
  const { search } = useLocation();
  const value = new URLSearchParams(search).get(name) ?? undefined;
  const set = useCallback((next: string | undefined) => setQuery({ [name]: next }), [name]);
  return [value, set];
}

/** Several of them at once, as one step of the browser's history. */
export function setQuery(values: Readonly<Record<string, string | undefined>>): void {
  locationService.partial(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? null])),
  );
}

/** The same of a parameter that may be there several times. */
export function useQueryList(
  name: string,
): readonly [readonly string[], (values: readonly string[]) => void] {
  const { search } = useLocation();
  const values = useMemo(() => new URLSearchParams(search).getAll(name), [search, name]);
  const set = useCallback(
    (next: readonly string[]) => locationService.partial({ [name]: next.length === 0 ? null : [...next] }),
    [name],
  );
  return [values, set];
}
