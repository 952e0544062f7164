import React, { useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { Tab, TabContent, TabsBar } from '@grafana/ui';
import { useWords } from '../../words/useWords.ts';
import { Audit } from './Audit.tsx';
import { Runs } from './Runs.tsx';

export function Activity(): React.JSX.Element {
  const { text } = useWords();
  const [tab, setTab] = useState<'runs' | 'audit'>('runs');
  return (
    <PluginPage subTitle={text('activity.subTitle')}>
      <TabsBar>
        <Tab label={text('activity.runs')} active={tab === 'runs'} onChangeTab={() => setTab('runs')} />
        <Tab label={text('activity.audit')} active={tab === 'audit'} onChangeTab={() => setTab('audit')} />
      </TabsBar>
      <TabContent>{tab === 'runs' ? <Runs /> : <Audit />}</TabContent>
    </PluginPage>
  );
}
