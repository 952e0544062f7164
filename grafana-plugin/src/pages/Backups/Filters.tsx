import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, FilterInput, RadioButtonGroup, Select, useStyles2 } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { useWords } from '../../words/useWords.ts';

export interface BackupFilter {
  readonly schedule: string | undefined;
  readonly key: string | undefined;
  readonly status: Backup['status'];
  /** Of what was answered. */
  readonly text: string;
}

interface Props {
  readonly filter: BackupFilter;
  readonly schedules: readonly string[];
  readonly onChange: (filter: BackupFilter) => void;
}

export function Filters({ filter, schedules, onChange }: Props): React.JSX.Element {
  const { say, text } = useWords();
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.row}>
      <div className={styles.search}>
        <FilterInput
          placeholder={text('backups.search')}
          aria-label={text('backups.search')}
          value={filter.text}
          onChange={(value) => onChange({ ...filter, text: value })}
        />
      </div>
      {/* eslint-disable-next-line @typescript-eslint/no-deprecated -- Combobox is not in Grafana 11.1 */}
      <Select
        aria-label={text('column.schedule')}
        placeholder={text('backups.allSchedules')}
        width={28}
        isClearable
        options={schedules.map((value) => ({ value, label: value }))}
        value={filter.schedule ?? null}
        // Cleared, it is null, whatever the types say.
        onChange={(option: { value?: string } | null) => onChange({ ...filter, schedule: option?.value })}
      />
      <RadioButtonGroup<Backup['status']>
        aria-label={text('column.status')}
        options={[
          { value: 'completed', label: text('backup.completed') },
          { value: 'pruned', label: text('backup.pruned') },
        ]}
        value={filter.status}
        onChange={(status) => onChange({ ...filter, status })}
      />
      {filter.key !== undefined && (
        <Button variant="secondary" icon="times" onClick={() => onChange({ ...filter, key: undefined })}>
          {say({ key: 'backups.ofKey', values: { key: filter.key } })}
        </Button>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  row: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1),
    marginBottom: theme.spacing(2),
  }),
  search: css({ flex: '1 1 240px', maxWidth: 420 }),
});
