import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { LinkButton, TextLink, useStyles2 } from '@grafana/ui';
import { configPath, setupHelp } from '../constants.ts';
import { linkTo } from '../lib/link.ts';
import { grafanaRole } from '../permission/usePermission.ts';
import { useWords } from '../words/useWords.ts';

/** Where nothing is set up yet: says in a few words what this is, and leads to where it is set up. */
export function Welcome({ logo }: { readonly logo: string }): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const mayConfigure = grafanaRole() === 'Admin';
  return (
    <PluginPage>
      <div className={styles.box}>
        <img src={logo} alt="" width={96} height={96} />
        <h2>{text('welcome.title')}</h2>
        <p>{text('welcome.what')}</p>
        <p className={styles.aside}>{text(mayConfigure ? 'welcome.next' : 'welcome.ask')}</p>
        {mayConfigure && (
          <LinkButton href={linkTo(configPath)} icon="cog">
            {text('welcome.configure')}
          </LinkButton>
        )}
        <TextLink href={linkTo(setupHelp)}>{text('config.help')}</TextLink>
      </div>
    </PluginPage>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  box: css({
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    gap: theme.spacing(2),
    maxWidth: 560,
    margin: `${theme.spacing(6)} auto`,
    textAlign: 'center',
    p: { margin: 0 },
  }),
  aside: css({ color: theme.colors.text.secondary }),
});
