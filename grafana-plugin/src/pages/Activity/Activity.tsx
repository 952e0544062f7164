import React, { useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { Tab, TabContent, TabsBar } from '@grafana/ui';
import { useWords } from '../../words/useWords.ts';
import { Audit } from './Audit.tsx';
import { Drills } from './Drills.tsx';
import { Runs } from './Runs.tsx';

const shown = ['runs', 'drills', 'audit'] as const;
type Shown = (typeof shown)[number];

export function Activity(): React.JSX.Element {
  const { text } = useWords();
  const [tab, setTab] = useState<Shown>('runs');
  return (
    <PluginPage subTitle={text('activity.subTitle')}>
      <TabsBar>
        {shown.map((each) => (
          <Tab
            key={each}
            label={text(`activity.${each}`)}
            active={tab === each}
            onChangeTab={() => setTab(each)}
          />
        ))}
      </TabsBar>
      <TabContent>
        {tab === 'runs' && <Runs />}
        {tab === 'drills' && <Drills />}
        {tab === 'audit' && <Audit />}
      </TabContent>
    </PluginPage>
  );
}
