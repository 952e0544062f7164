import type { Host } from 'lowtide/api';
import React, { createContext, useContext, useMemo, useState, type ReactNode } from 'react';
import { Stack } from '@grafana/ui';
import { RequestError } from '../api/failure.ts';
import { exporter } from '../api/grafana.ts';
import { usePolling, type Polled } from '../api/usePolling.ts';
import { Answered } from '../components/Answered.tsx';
import { useQueryList } from '../lib/useQuery.ts';
import { HostFilter } from './HostFilter.tsx';
import { shownOf, type ShownHosts } from './hosts.ts';
import { SilentNote } from './SilentNote.tsx';

const intervalMs = (hosts: readonly Host[] | undefined): number =>
  hosts !== undefined && hosts.length > 1 ? 10_000 : 60_000;

/** None where an exporter does not know of hosts yet: it is alone then. */
async function askHosts(): Promise<readonly Host[]> {
  try {
    return (await exporter.hosts()).items ?? [];
  } catch (error) {
    const failure = error instanceof RequestError ? error.failure : undefined;
    if (failure?.status === 404 && failure.kind === 'said') return [];
    throw error;
  }
}

const Known = createContext<Polled<readonly Host[]> | undefined>(undefined);

/** Asks for the hosts while the app is open, so that they stay known from page to page. */
export function HostsKnown({ children }: { readonly children: ReactNode }): React.JSX.Element {
  const polled = usePolling(askHosts, intervalMs);
  return <Known.Provider value={polled}>{children}</Known.Provider>;
}

interface Props {
  readonly children: (hosts: ShownHosts) => ReactNode;
}

/** A page of the hosts that its address names: with what chooses them, and which are silent. Of one host neither is said. */
export function OfHosts({ children }: Props): React.JSX.Element {
  const [chosen, choose] = useQueryList('host');
  return (
    <OfKnown chosen={chosen}>
      {(hosts) =>
        hosts.all.length === 0 ? (
          children(hosts)
        ) : (
          <Stack direction="column" gap={2}>
            <HostFilter hosts={hosts} onChange={choose} />
            <SilentNote hosts={hosts.shown} />
            {/* What comes below may be wider than the page, and scrolls by itself. */}
            <div style={{ minWidth: 0 }}>{children(hosts)}</div>
          </Stack>
        )
      }
    </OfKnown>
  );
}

const everyOne: readonly string[] = [];

/** A page of all hosts. */
export function OfAllHosts({ children }: Props): React.JSX.Element {
  return <OfKnown chosen={everyOne}>{children}</OfKnown>;
}

interface KnownProps extends Props {
  readonly chosen: readonly string[];
}

function OfKnown({ chosen, children }: KnownProps): React.JSX.Element {
  const polled = useContext(Known);
  if (polled === undefined) throw new Error('a page lies within HostsKnown');
  // What the hosts themselves answer says whether what is shown is old.
  const alone = polled.data === undefined ? polled : { ...polled, failure: undefined };
  return (
    <Answered polled={alone}>
      {(hosts) => (
        <Steady hosts={hosts} chosen={chosen}>
          {children}
        </Steady>
      )}
    </Answered>
  );
}

interface SteadyProps extends KnownProps {
  readonly hosts: readonly Host[];
}

/** What is asked stays the same list for as long as it has the same in it: pages ask anew when it is another one. */
function Steady({ hosts, chosen, children }: SteadyProps): React.JSX.Element {
  const shown = useMemo(() => shownOf(hosts, chosen), [hosts, chosen]);
  const [asked, setAsked] = useState(shown.asked);
  const isSame = asked.length === shown.asked.length && asked.every((each, at) => each === shown.asked[at]);
  if (!isSame) setAsked(shown.asked);
  const steady = useMemo(() => (isSame ? { ...shown, asked } : shown), [isSame, shown, asked]);
  return <>{children(steady)}</>;
}
