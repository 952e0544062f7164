import React, { type ReactNode } from 'react';
import { css } from '@emotion/css';

interface Props {
  readonly label: string;
  readonly children: ReactNode;
}

/** Room for a table that may be wider than the screen: it alone scrolls sideways, by keys too. */
export function WideTable({ label, children }: Props): React.JSX.Element {
  return (
    <div role="region" aria-label={label} tabIndex={0} className={scrolls}>
      {children}
    </div>
  );
}

const scrolls = css({ overflowX: 'auto', maxWidth: '100%', td: { whiteSpace: 'nowrap' } });
