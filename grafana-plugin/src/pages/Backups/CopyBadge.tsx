import React from 'react';
import { Badge, type BadgeColor, type IconName } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { useWords } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

type Copy = Backup['copies'][number];

const looks: Readonly<Record<Copy['status'], readonly [BadgeColor, IconName, MessageKey]>> = {
  good: ['green', 'check', 'copy.good'],
  failed: ['red', 'times', 'copy.failed'],
  damaged: ['red', 'exclamation-triangle', 'copy.damaged'],
  pruned: ['purple', 'trash-alt', 'copy.pruned'],
};

/** Where a copy lies, and how it is. */
export function CopyBadge({ copy }: { readonly copy: Copy }): React.JSX.Element {
  const { text } = useWords();
  const [color, icon, key] = looks[copy.status];
  return <Badge color={color} icon={icon} text={copy.store} tooltip={copy.error ?? text(key)} />;
}
