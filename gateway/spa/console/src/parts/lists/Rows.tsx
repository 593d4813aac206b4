/** The rows of a list: a table, or cards on a phone; new rows are marked for a moment. */
import { Table } from 'antd';
import { type MouseEvent, type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { useText } from '../../texts';
import { type Column, useIsNarrow } from './columns';

interface Props<T> {
  title: string;
  rows: T[];
  rowKey: (row: T) => string;
  columns: Column<T>[];
  card?: ((row: T) => ReactNode) | undefined;
  onOpen?: ((row: T) => void) | undefined;
  isBusy: boolean;
  /** identifies the list: rows of another list are not new */
  list: string;
}

/** The keys of rows that the same list did not have before. */
function useFresh(keys: string[], list: string): Set<string> {
  const before = useRef<{ list: string; keys: Set<string> } | null>(null);
  const [fresh, setFresh] = useState<Set<string>>(new Set());
  const joined = keys.join(' ');
  useEffect(() => {
    const now = new Set(joined ? joined.split(' ') : []);
    const known = before.current;
    before.current = { list, keys: now };
    const isSame = known?.list === list;
    setFresh(isSame ? new Set([...now].filter((key) => !known.keys.has(key))) : new Set());
  }, [joined, list]);
  return fresh;
}

/** A click on a row opens it, unless it was meant for an element in the row or selected its
 * text. */
function opening<T>(row: T, open: (row: T) => void) {
  return (event: MouseEvent<HTMLElement>) => {
    const target = event.target as Element;
    if (target.closest('a, button, input, label, [role="button"]')) return;
    // An overlay that a row opens is a child of the row for React only, not in the DOM.
    if (!event.currentTarget.contains(target)) return;
    if (window.getSelection()?.toString()) return;
    open(row);
  };
}

function Cards<T>({ props, fresh }: { props: Props<T>; fresh: Set<string> }) {
  return (
    <ul className="rowcards" aria-busy={props.isBusy}>
      {props.rows.map((row) => (
        <li key={props.rowKey(row)} className={fresh.has(props.rowKey(row)) ? 'is-fresh' : ''}>
          {props.card ? (
            props.card(row)
          ) : (
            <dl>
              {props.columns.map((column) => (
                <div key={column.key} style={{ display: 'contents' }}>
                  <dt>{column.title}</dt>
                  <dd>{column.render(row)}</dd>
                </div>
              ))}
            </dl>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Rows<T>(props: Props<T>) {
  const { t } = useText();
  const isNarrow = useIsNarrow();
  const fresh = useFresh(props.rows.map(props.rowKey), props.list);
  const label = t('list.table', { title: props.title });
  const frame = useCallback(
    (found: HTMLDivElement | null) => {
      // People without a mouse scroll a wide table with the arrow keys, so it must take the focus.
      const box = found?.querySelector('.ant-table-content');
      box?.setAttribute('tabindex', '0');
      box?.setAttribute('role', 'region');
      box?.setAttribute('aria-label', label);
    },
    [label],
  );
  const { onOpen } = props;
  return (
    <>
      <p className="unseen" role="status">
        {fresh.size > 0 ? t('list.came', { count: fresh.size }) : ''}
      </p>
      {isNarrow ? (
        <Cards props={props} fresh={fresh} />
      ) : (
        <div ref={frame} aria-busy={props.isBusy}>
          <Table<T & object>
            rowKey={props.rowKey}
            dataSource={props.rows as (T & object)[]}
            pagination={false}
            // The usual columns fit; with additional ones the table scrolls.
            scroll={{ x: props.columns.some((one) => one.isExtra) ? 'max-content' : true }}
            rowClassName={(row) => (fresh.has(props.rowKey(row)) ? 'is-fresh' : '')}
            columns={props.columns.map((column) => ({
              key: column.key,
              title: column.title,
              align: column.align ?? 'left',
              ...(column.isAction ? { fixed: 'right' as const, className: 'acts' } : {}),
              render: (_: unknown, row: T & object) => column.render(row),
            }))}
            {...(onOpen
              ? {
                  onRow: (row: T & object) => ({
                    className: 'opens',
                    onClick: opening<T>(row, onOpen),
                  }),
                }
              : {})}
          />
        </div>
      )}
    </>
  );
}
