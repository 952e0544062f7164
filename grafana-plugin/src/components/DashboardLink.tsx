import React from 'react';
import { LinkButton } from '@grafana/ui';
import { linkTo } from '../lib/link.ts';
import { useWords } from '../words/useWords.ts';

interface Props {
  /** Of a dashboard that comes with Lowtide. */
  readonly uid: string;
}

export function DashboardLink({ uid }: Props): React.JSX.Element {
  const { text } = useWords();
  return (
    <LinkButton variant="secondary" icon="apps" href={linkTo(`/d/${uid}`)}>
      {text('nav.dashboard')}
    </LinkButton>
  );
}
