import React from 'react';
import { PluginPage } from '@grafana/runtime';
import { Stack } from '@grafana/ui';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { now } from '../../lib/clock.ts';
import { overviewOf } from '../../overview/overview.ts';
import { useWords } from '../../words/useWords.ts';
import { Findings } from './Findings.tsx';
import { Lately } from './Lately.tsx';
import { look, type Seen } from './look.ts';
import { Numbers } from './Numbers.tsx';
import { VerdictBanner } from './VerdictBanner.tsx';

export function Overview(): React.JSX.Element {
  const polled = usePolling(look, 30_000);
  const { text } = useWords();
  return (
    <PluginPage subTitle={text('overview.subTitle')} actions={<DashboardLink uid="lowtide-overview" />}>
      <Answered polled={polled}>{(seen) => <Body seen={seen} />}</Answered>
    </PluginPage>
  );
}

function Body({ seen }: { readonly seen: Seen }): React.JSX.Element {
  const { status } = seen;
  const keyMaxAgeSeconds = status.encryption.maxKeyAgeSeconds;
  const overview = overviewOf(
    { ...seen, ...(keyMaxAgeSeconds !== undefined && { keyMaxAgeSeconds }) },
    now(),
  );
  return (
    <Stack direction="column" gap={3}>
      <VerdictBanner overview={overview} status={status} />
      {overview.findings.length > 0 && <Findings findings={overview.findings} />}
      <Numbers seen={seen} />
      <Lately seen={seen} />
    </Stack>
  );
}
