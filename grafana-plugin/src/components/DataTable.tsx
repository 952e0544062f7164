import React, { createContext, useContext, useMemo, useState, type Context, type ReactNode } from 'react';
import { css } from '@emotion/css';
import { InteractiveTable, Text, type CellProps, type Column } from '@grafana/ui';
import { useWords } from '../words/useWords.ts';

interface Props<T extends object> {
  readonly label: string;
  /** The same ones every time, by their ids; what their cells show may change. */
  readonly columns: readonly Column<T>[];
  /** Of an answer; `progress` is of no account for their order. */
  readonly rows: readonly T[];
  readonly idOf: (row: T) => string;
  readonly pageSize?: number;
  /** There are older ones, which were not asked for. */
  readonly hasMore?: boolean;
}

/**
 * A table that can be read while it is asked for anew. With new columns, Grafana's makes all cells anew: focus would be lost and
 * menus would shut at every answer; with new rows, that of 11.1 goes back to its first page. It is given both once, and
 * the cells see to it that they show what is current. Where the screen is too narrow it alone scrolls sideways, by keys too.
 */
export function DataTable<T extends object>(props: Props<T>): React.JSX.Element {
  const { label, columns, rows, idOf, pageSize = 25, hasMore = false } = props;
  const { say } = useWords();
  const [{ Current, steadyColumns }] = useState(() => steadied(columns));
  const said = useMemo(() => JSON.stringify(rows, withoutProgress), [rows]);
  const steadyRows = useMemo(() => JSON.parse(said) as T[], [said]);
  const current = useMemo(
    () => ({
      columns: new Map(columns.map((column) => [column.id, column])),
      rows: new Map(rows.map((row) => [idOf(row), row])),
    }),
    [columns, rows, idOf],
  );
  return (
    <Current.Provider value={current}>
      <div role="region" aria-label={label} tabIndex={0} className={scrolls}>
        <InteractiveTable columns={steadyColumns} data={steadyRows} getRowId={idOf} pageSize={pageSize} />
      </div>
      {hasMore && (
        <Text color="secondary">{say({ key: 'table.newest', values: { count: rows.length } })}</Text>
      )}
    </Current.Provider>
  );
}

const withoutProgress = (name: string, value: unknown): unknown => (name === 'progress' ? undefined : value);

interface CurrentTable<T extends object> {
  readonly columns: ReadonlyMap<string, Column<T>>;
  readonly rows: ReadonlyMap<string, T>;
}

interface Steadied<T extends object> {
  readonly Current: Context<CurrentTable<T>>;
  readonly steadyColumns: Column<T>[];
}

function steadied<T extends object>(columns: readonly Column<T>[]): Steadied<T> {
  const Current = createContext<CurrentTable<T>>({ columns: new Map(), rows: new Map() });
  const cellOf = (id: string) =>
    function Cell(props: CellProps<T>): ReactNode {
      const current = useContext(Current);
      const original = current.rows.get(props.row.id) ?? props.row.original;
      return current.columns.get(id)?.cell?.({ ...props, row: { ...props.row, original } });
    };
  const steadyColumns = columns.map((column) =>
    column.cell === undefined ? column : { ...column, cell: cellOf(column.id) },
  );
  return { Current, steadyColumns };
}

const scrolls = css({
  overflowX: 'auto',
  maxWidth: '100%',
  td: { whiteSpace: 'nowrap' },
  // Grafana's own scrolling, which no key reaches where no column can be sorted.
  '& > div': { overflowX: 'visible' },
});
