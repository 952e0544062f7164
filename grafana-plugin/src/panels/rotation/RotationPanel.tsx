import type { PanelProps } from '@grafana/data';
import { config } from '@grafana/runtime';
import React, { useCallback } from 'react';
import { allOf } from '../../api/client.ts';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { RotationControl } from '../../components/RotationControl/RotationControl.tsx';
import type { RotationAnswers } from '../../rotation/key-facts.ts';
import { useWords } from '../../words/useWords.ts';
import { PanelState } from '../PanelState.tsx';
import { useDashboardRefresh } from '../useDashboardRefresh.ts';
import { RotationsOfHost } from './RotationsOfHost.tsx';

/** What a dashboard keeps of the panel. */
export interface RotationOptions {
  /** Whether it tells how much depends on which key. */
  readonly isCensusShown: boolean;
  /** One that shares its state with that of the exporter that answers. Variables of the dashboard are filled in. Empty: its own. */
  readonly host: string;
}

const pollMs = 60_000;

/** How things stand with the keys, and with their rotations. */
async function askRotation(): Promise<RotationAnswers> {
  const [status, keys, rotations] = await Promise.all([
    exporter.status(),
    allOf((page) => exporter.keys(page)),
    exporter.rotations({ limit: 5 }),
  ]);
  return { status, keys, rotations: rotations.items };
}

export function RotationPanel(props: PanelProps<RotationOptions>): React.ReactElement {
  const { options, replaceVariables } = props;
  const host = replaceVariables(options.host).trim();
  const own = <OwnRotation {...props} />;
  return host === '' ? own : <RotationsOfHost {...props} host={host} own={own} />;
}

/** The keys of the host that answers, and their rotation. */
function OwnRotation(props: PanelProps<RotationOptions>): React.ReactElement {
  const { options, timeRange, timeZone } = props;
  const words = useWords(timeZone);
  const polled = usePolling(askRotation, pollMs);
  const { refresh } = polled;
  useDashboardRefresh(timeRange, refresh);
  const onEnded = useCallback(() => refresh(), [refresh]);

  return (
    <PanelState polled={polled} words={words}>
      {(answers) => (
        <RotationControl
          exporter={exporter}
          answers={answers}
          isReachable={polled.failure === undefined}
          grafanaRole={config.bootData.user.orgRole}
          words={words}
          isCensusShown={options.isCensusShown}
          onEnded={onEnded}
        />
      )}
    </PanelState>
  );
}
