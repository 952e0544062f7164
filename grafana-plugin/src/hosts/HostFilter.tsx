import type { Host } from 'lowtide/api';
import React from 'react';
import { css } from '@emotion/css';
import { MultiSelect } from '@grafana/ui';
import { useWords } from '../words/useWords.ts';
import type { ShownHosts } from './hosts.ts';

interface Props {
  readonly hosts: ShownHosts;
  /** None: all. */
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Chooses the hosts that a page is about. Those that are silent say so, also where they were chosen. */
export function HostFilter({ hosts: { all, shown }, onChange }: Props): React.JSX.Element {
  const { say, text } = useWords();
  const optionOf = ({ instance, state }: Host) => ({
    value: instance,
    label: state === 'silent' ? say({ key: 'hosts.optionSilent', values: { host: instance } }) : instance,
    ...(state === 'silent' && { icon: 'exclamation-triangle' }),
  });
  const areAll = shown.length === all.length;
  return (
    <div className={box}>
      {/* eslint-disable-next-line @typescript-eslint/no-deprecated -- MultiCombobox is not in Grafana 11.1 */}
      <MultiSelect<string>
        inputId="hosts"
        aria-label={text('hosts.filter')}
        placeholder={say({ key: 'hosts.all', values: { count: all.length } })}
        prefix={text('hosts.filter')}
        closeMenuOnSelect={false}
        options={all.map(optionOf)}
        value={areAll ? [] : shown.map(optionOf)}
        onChange={(options) => onChange(options.flatMap(({ value }) => value ?? []))}
      />
    </div>
  );
}

const box = css({
  maxWidth: 560,
  // Grafana's own are smaller than fingers are.
  '& button, & input': { minWidth: '24px !important', minHeight: 24 },
});
