import React from 'react';
import { Badge, type BadgeColor, type IconName } from '@grafana/ui';
import type { Run } from 'lowtide/api';
import { useWords } from '../words/useWords.ts';
import type { MessageKey } from '../words/words.ts';

const looks: Readonly<Record<Run['status'], readonly [BadgeColor, IconName, MessageKey]>> = {
  running: ['blue', 'sync', 'run.running'],
  completed: ['green', 'check', 'run.completed'],
  failed: ['red', 'exclamation-triangle', 'run.failed'],
  cancelled: ['orange', 'times', 'run.cancelled'],
  interrupted: ['orange', 'bolt', 'run.interrupted'],
};

/** How a run, a verification, a restore or a rotation stands: by a word and a sign, not by its colour alone. */
export function RunBadge({ status }: { readonly status: Run['status'] }): React.JSX.Element {
  const { text } = useWords();
  const [color, icon, key] = looks[status];
  return <Badge color={color} icon={icon} text={text(key)} />;
}
