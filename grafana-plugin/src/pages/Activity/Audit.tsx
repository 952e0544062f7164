import React, { useMemo } from 'react';
import { EmptyState } from '@grafana/ui';
import type { AuditEntry, AuditList } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import type { ShownHosts } from '../../hosts/hosts.ts';
import { OwnNote } from '../../hosts/OwnNote.tsx';
import { useWords } from '../../words/useWords.ts';
import { auditColumns } from './columns.tsx';

const ask = (): Promise<AuditList> => exporter.audit({ limit: 200 });

const idOf = ({ sequence }: AuditEntry): string => String(sequence);

/** Who did what, the newest first. */
export function Audit({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const words = useWords();
  const polled = usePolling(ask, 30_000);
  const columns = useMemo(() => auditColumns(words), [words]);
  return (
    <>
      <OwnNote hosts={hosts} />
      <Answered polled={polled}>
        {({ items, nextCursor }) =>
          items.length === 0 ? (
            <EmptyState variant="not-found" message={words.text('audit.empty')} />
          ) : (
            <DataTable
              label={words.text('activity.audit')}
              columns={columns}
              rows={items}
              idOf={idOf}
              hasMore={nextCursor !== undefined}
            />
          )
        }
      </Answered>
    </>
  );
}
