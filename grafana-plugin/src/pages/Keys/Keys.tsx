import React, { useMemo, useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { Stack, Text } from '@grafana/ui';
import type { Key } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { RotationControl } from '../../components/RotationControl/RotationControl.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { OfAllHosts, OfHosts } from '../../hosts/HostsKnown.tsx';
import { OwnNote } from '../../hosts/OwnNote.tsx';
import { grafanaRole, useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { keyColumns } from './columns.tsx';
import { History } from './History.tsx';
import { lookAtKeys, type KeysSeen } from './look.ts';
import { RetireModal } from './RetireModal.tsx';

const intervalMs = (seen: KeysSeen | undefined): number =>
  seen?.rotations[0]?.status === 'running' ? 5000 : 60_000;

const idOf = ({ id }: Key): string => id;

export function Keys(): React.JSX.Element {
  const polled = usePolling(lookAtKeys, intervalMs);
  const { text } = useWords();
  return (
    <PluginPage subTitle={text('keys.subTitle')} actions={<DashboardLink uid="lowtide-keys" />}>
      <Answered polled={polled}>
        {(seen) => (
          <KeysBody seen={seen} isReachable={polled.failure === undefined} refresh={polled.refresh} />
        )}
      </Answered>
    </PluginPage>
  );
}

interface BodyProps {
  readonly seen: KeysSeen;
  /** False while what is shown is old. */
  readonly isReachable: boolean;
  readonly refresh: () => void;
}

function KeysBody({ seen, isReachable, refresh }: BodyProps): React.JSX.Element {
  const words = useWords();
  const { text } = words;
  const { status, keys } = seen;
  const objection = useObjection(status);
  const operation = useOperation(refresh);
  const [retiring, setRetiring] = useState<string>();
  const policy = status.encryption.maxKeyAgeSeconds;
  const columns = useMemo(
    () => keyColumns({ words, policy, objection, retire: setRetiring }),
    [words, policy, objection],
  );
  const retired = keys.find(({ id }) => id === retiring);
  return (
    <Stack direction="column" gap={4}>
      <OfAllHosts>{(hosts) => <OwnNote hosts={hosts} />}</OfAllHosts>
      <section aria-label={text('rotation.title')}>
        <RotationControl
          exporter={exporter}
          answers={seen}
          isReachable={isReachable}
          grafanaRole={grafanaRole()}
          words={words}
          isCensusShown={false}
          onEnded={refresh}
        />
      </section>
      <section aria-label={text('nav.keys')}>
        <DataTable label={text('nav.keys')} columns={columns} rows={keys} idOf={idOf} />
      </section>
      <section aria-label={text('keys.history')}>
        <Stack direction="column" gap={1}>
          <Text element="h2" variant="h4">
            {text('keys.history')}
          </Text>
          <OfHosts>{(hosts) => <History hosts={hosts} />}</OfHosts>
        </Stack>
      </section>
      {retired !== undefined && (
        <OfAllHosts>
          {({ all }) => (
            <RetireModal
              keyToRetire={retired}
              host={all.length === 0 ? undefined : status.instance}
              operation={operation}
              onClose={() => setRetiring(undefined)}
            />
          )}
        </OfAllHosts>
      )}
    </Stack>
  );
}
