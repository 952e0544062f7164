import React, { useState } from 'react';
import { css } from '@emotion/css';
import type { AppPluginMeta, GrafanaTheme2, PluginConfigPageProps } from '@grafana/data';
import { Alert, Button, Field, FieldSet, Input, SecretInput, Stack, TextLink, useStyles2 } from '@grafana/ui';
import { appPath, setupHelp, type Settings } from '../../constants.ts';
import { linkTo } from '../../lib/link.ts';
import { useWords } from '../../words/useWords.ts';
import { addressMistake } from './address.ts';
import { saveSettings } from './save.ts';
import { TestConnection } from './TestConnection.tsx';

type Props = PluginConfigPageProps<AppPluginMeta<Settings>>;

/** Where the exporter is, and the token that Grafana shows it. What is saved is read by Grafana's server alone. */
export function Configuration({ plugin: { meta } }: Props): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const savedUrl = meta.jsonData?.exporterUrl ?? '';
  const [url, setUrl] = useState(savedUrl);
  const [token, setToken] = useState('');
  const [hasToken, setHasToken] = useState(meta.secureJsonFields?.['token'] === true);
  const [failure, setFailure] = useState<string>();
  const [isSaving, setSaving] = useState(false);

  const mistake = addressMistake(url);
  const isChanged = url !== savedUrl || token !== '' || !hasToken;
  const canSave = isChanged && mistake === undefined && url !== '' && (hasToken || token !== '') && !isSaving;
  const save = async (): Promise<void> => {
    setSaving(true);
    setFailure(undefined);
    try {
      await saveSettings({ pinned: meta.pinned ?? false, exporterUrl: url.trim(), token });
      // Grafana reads the settings of an app when a page is loaded, and its menu with them.
      window.location.reload();
    } catch {
      setFailure(text('config.notSaved'));
      setSaving(false);
    }
  };
  return (
    <div className={styles.body}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSave) void save();
        }}
      >
        <FieldSet label={text('config.connection')}>
          <p className={styles.intro}>
            {text('config.intro')} <TextLink href={linkTo(setupHelp)}>{text('config.help')}</TextLink>
          </p>
          <Field
            label={text('config.url')}
            description={text('config.urlHelp')}
            invalid={mistake !== undefined}
            error={mistake && text(mistake)}
          >
            <Input
              id="exporter-url"
              width={60}
              placeholder="http://db-host-1:10210"
              value={url}
              onChange={({ currentTarget }) => setUrl(currentTarget.value)}
            />
          </Field>
          <Field label={text('config.token')} description={text('config.tokenHelp')}>
            <SecretInput
              id="exporter-token"
              width={60}
              autoComplete="off"
              isConfigured={hasToken}
              value={token}
              onChange={({ currentTarget }) => setToken(currentTarget.value)}
              onReset={() => {
                setHasToken(false);
                setToken('');
              }}
            />
          </Field>
          <Button type="submit" disabled={!canSave}>
            {text('config.save')}
          </Button>
        </FieldSet>
        {failure !== undefined && <Alert severity="error" title={failure} />}
      </form>
      <div className={styles.test}>
        <TestConnection {...((isChanged || savedUrl === '') && { whyNot: text('config.saveFirst') })} />
      </div>
      {!isChanged && (
        <Stack>
          <TextLink href={linkTo(`${appPath}/overview`)} inline={false}>
            {text('config.toOverview')}
          </TextLink>
        </Stack>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  body: css({ maxWidth: 720 }),
  test: css({ margin: theme.spacing(3, 0) }),
  intro: css({ color: theme.colors.text.secondary }),
});
