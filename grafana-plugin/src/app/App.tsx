import React from 'react';
import type { AppRootProps } from '@grafana/data';
import { Navigate, Route, Routes } from 'react-router';
import type { Settings } from '../constants.ts';
import { HostsKnown } from '../hosts/HostsKnown.tsx';
import { Activity } from '../pages/Activity/Activity.tsx';
import { Backups } from '../pages/Backups/Backups.tsx';
import { Keys } from '../pages/Keys/Keys.tsx';
import { Overview } from '../pages/Overview/Overview.tsx';
import { Schedules } from '../pages/Schedules/Schedules.tsx';
import { Welcome } from './Welcome.tsx';

export function App({ meta }: AppRootProps<Settings>): React.JSX.Element {
  const isSetUp = (meta.jsonData?.exporterUrl ?? '') !== '';
  if (!isSetUp) return <Welcome logo={meta.info.logos.large} />;
  return (
    <HostsKnown>
      <Routes>
        <Route path="overview" element={<Overview />} />
        <Route path="schedules" element={<Schedules />} />
        <Route path="backups" element={<Backups />} />
        <Route path="keys" element={<Keys />} />
        <Route path="activity" element={<Activity />} />
        <Route path="*" element={<Navigate to="overview" replace />} />
      </Routes>
    </HostsKnown>
  );
}
