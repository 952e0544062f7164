import React, { useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { Tab, TabContent, TabsBar, useStyles2 } from '@grafana/ui';
import { OfAllHosts, OfHosts } from '../../hosts/HostsKnown.tsx';
import { useWords } from '../../words/useWords.ts';
import { Audit } from './Audit.tsx';
import { Drills } from './Drills.tsx';
import { Runs } from './Runs.tsx';

const shown = ['runs', 'drills', 'audit'] as const;
type Shown = (typeof shown)[number];

export function Activity(): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
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
      <TabContent className={styles.content}>
        {tab === 'runs' && <OfHosts>{(hosts) => <Runs hosts={hosts} />}</OfHosts>}
        {tab === 'drills' && <OfHosts>{(hosts) => <Drills hosts={hosts} />}</OfHosts>}
        {tab === 'audit' && <OfAllHosts>{(hosts) => <Audit hosts={hosts} />}</OfAllHosts>}
      </TabContent>
    </PluginPage>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({ content: css({ paddingTop: theme.spacing(2) }) });
