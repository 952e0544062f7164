import type { Host } from 'lowtide/api';
import React, { useCallback } from 'react';
import { PluginPage } from '@grafana/runtime';
import { Stack } from '@grafana/ui';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import type { ShownHosts } from '../../hosts/hosts.ts';
import { OfAllHosts } from '../../hosts/HostsKnown.tsx';
import { ProblemNote } from '../../hosts/SilentNote.tsx';
import { now } from '../../lib/clock.ts';
import { overviewOf } from '../../overview/overview.ts';
import { useWords } from '../../words/useWords.ts';
import { Findings } from './Findings.tsx';
import { Hosts } from './Hosts.tsx';
import { Lately } from './Lately.tsx';
import { look, type Seen } from './look.ts';
import { Numbers } from './Numbers.tsx';
import { VerdictBanner } from './VerdictBanner.tsx';

export function Overview(): React.JSX.Element {
  const { text } = useWords();
  return (
    <PluginPage subTitle={text('overview.subTitle')} actions={<DashboardLink uid="lowtide-overview" />}>
      <OfAllHosts>{(hosts) => <OverviewOf hosts={hosts} />}</OfAllHosts>
    </PluginPage>
  );
}

function OverviewOf({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const { asked } = hosts;
  const ask = useCallback(() => look(asked), [asked]);
  const polled = usePolling(ask, 30_000);
  return <Answered polled={polled}>{(seen) => <Body seen={seen} hosts={hosts.all} />}</Answered>;
}

interface BodyProps {
  readonly seen: Seen;
  /** None where there is but one. */
  readonly hosts: readonly Host[];
}

function Body({ seen, hosts }: BodyProps): React.JSX.Element {
  const { status } = seen;
  const keyMaxAgeSeconds = status.encryption.maxKeyAgeSeconds;
  const overview = overviewOf(
    { ...seen, hosts, ...(keyMaxAgeSeconds !== undefined && { keyMaxAgeSeconds }) },
    now(),
  );
  return (
    <Stack direction="column" gap={3}>
      <VerdictBanner overview={overview} status={status} hosts={hosts.length} />
      <ProblemNote problems={seen.problems} />
      {overview.findings.length > 0 && <Findings findings={overview.findings} />}
      {hosts.length > 0 && <Hosts hosts={hosts} />}
      <Numbers seen={seen} hosts={hosts} />
      <Lately seen={seen} />
    </Stack>
  );
}
