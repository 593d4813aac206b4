/** The one list page: heading, filters in the address, table or cards, paging, export, empty state. */
import { DownloadOutlined, LeftOutlined, ReloadOutlined, RightOutlined } from '@ant-design/icons';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Button, Grid, Select, Table } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Query } from '../api/client';
import { useText } from '../texts';
import { PageHead } from './bits';
import { csv, download } from './csv';
import { FilterBar } from './FilterBar';
import { type Asked, type Filter, PAGE_SIZES, useFilters } from './filters';
import { useSay } from './say';
import { Calm, Failure, Loading } from './states';

export interface Column<T> {
  key: string;
  title: string;
  render: (row: T) => ReactNode;
  /** the cell in an export; left out of it when absent */
  text?: (row: T) => string | number | null | undefined;
  align?: 'right';
  /** stays in sight while the table scrolls: what one does with a row */
  isAction?: boolean;
}

interface Listed<T> {
  items: T[];
  total?: number;
  /** of a list that is walked by a cursor: where the next part begins */
  next?: string | null;
}

interface Props<T> {
  title: string;
  lead?: string;
  queryKey: readonly unknown[];
  load: (query: Query) => Promise<Listed<T>>;
  rowKey: (row: T) => string;
  columns: Column<T>[];
  filters?: Filter[];
  /** always asked for, beside the filters */
  fixed?: Query;
  actions?: ReactNode;
  above?: ReactNode;
  onOpen?: (row: T) => void;
  /** an own export door; `true` exports here what `text` says */
  exports?: boolean | ((query: Query) => void);
  empty: { title: string; hint?: string; action?: ReactNode };
}

const NO_FILTERS: Filter[] = [];
const NOTHING: Query = {};
const EXPORT_LIMIT = 10_000;
const EXPORT_PAGE = 100;

function useExport<T>(props: Props<T>, asked: Asked) {
  const { t } = useText();
  const say = useSay();
  const [progress, setProgress] = useState<{ done: number; total: number } | null>(null);
  const run = async () => {
    const columns = props.columns.filter((one) => one.text);
    const rows: (string | number | null | undefined)[][] = [columns.map((one) => one.title)];
    try {
      for (let page = 1; ; page += 1) {
        const { page: _, page_size: __, ...query } = asked.query;
        const found = await props.load({ ...query, page, page_size: EXPORT_PAGE });
        const total = found.total ?? found.items.length;
        if (total > EXPORT_LIMIT) {
          say.done(t('list.export_limited', { limit: EXPORT_LIMIT }));
          return;
        }
        for (const row of found.items) rows.push(columns.map((one) => one.text?.(row)));
        setProgress({ done: rows.length - 1, total });
        if (rows.length - 1 >= total || found.items.length === 0) break;
      }
      download(`${props.title}.csv`, csv(rows));
      say.done(t('list.exported', { total: rows.length - 1 }));
    } catch (error) {
      say.failed(error);
    } finally {
      setProgress(null);
    }
  };
  return { progress, run };
}

function Rows<T>({ props, rows, isBusy }: { props: Props<T>; rows: T[]; isBusy: boolean }) {
  const { t } = useText();
  const isNarrow = Grid.useBreakpoint().md === false;
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Whoever has no mouse scrolls a wide table with the arrow keys: it must take the focus.
    const box = frame.current?.querySelector('.ant-table-content');
    box?.setAttribute('tabindex', '0');
    box?.setAttribute('role', 'region');
    box?.setAttribute('aria-label', t('list.table', { title: props.title }));
  });
  if (isNarrow) {
    return (
      <ul className="rowcards" aria-busy={isBusy}>
        {rows.map((row) => (
          <li key={props.rowKey(row)}>
            <dl>
              {props.columns.map((column) => (
                <div key={column.key} style={{ display: 'contents' }}>
                  <dt>{column.title}</dt>
                  <dd>{column.render(row)}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
    );
  }
  return (
    <div ref={frame} aria-busy={isBusy}>
      <Table<T & object>
        rowKey={props.rowKey}
        dataSource={rows as (T & object)[]}
        pagination={false}
        scroll={{ x: 'max-content' }}
        columns={props.columns.map((column) => ({
          key: column.key,
          title: column.title,
          align: column.align ?? 'left',
          ...(column.isAction ? { fixed: 'right' as const } : {}),
          render: (_: unknown, row: T & object) => column.render(row),
        }))}
        {...(props.onOpen
          ? { onRow: (row: T & object) => ({ onDoubleClick: () => props.onOpen?.(row) }) }
          : {})}
      />
    </div>
  );
}

function CursorFoot({ asked, next }: { asked: Asked; next: string | null }) {
  const { t } = useText();
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      {asked.query.cursor ? (
        <Button onClick={() => asked.follow(null)}>{t('list.newest')}</Button>
      ) : null}
      <Button disabled={!next} onClick={() => asked.follow(next)}>
        {t('list.older')}
      </Button>
    </nav>
  );
}

function Foot({ asked, total, shown }: { asked: Asked; total: number; shown: number }) {
  const { t } = useText();
  const from = (asked.page - 1) * asked.pageSize + 1;
  const to = from + shown - 1;
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      <span className="soft">{t('list.range', { from, to, total })}</span>
      <Select
        aria-label={t('list.page_size')}
        value={asked.pageSize}
        options={PAGE_SIZES.map((size) => ({ value: size, label: size }))}
        onChange={(size) => asked.turn(1, size)}
      />
      <Button
        icon={<LeftOutlined />}
        aria-label={t('list.previous')}
        disabled={asked.page <= 1}
        onClick={() => asked.turn(asked.page - 1)}
      />
      <Button
        icon={<RightOutlined />}
        aria-label={t('list.next')}
        disabled={to >= total}
        onClick={() => asked.turn(asked.page + 1)}
      />
    </nav>
  );
}

export function ListPage<T>(props: Props<T>) {
  const { t } = useText();
  const filters = props.filters ?? NO_FILTERS;
  const asked = useFilters(filters, props.fixed ?? NOTHING);
  const listed = useQuery({
    queryKey: [...props.queryKey, asked.query],
    queryFn: () => props.load(asked.query),
    placeholderData: keepPreviousData,
  });
  const { progress, run } = useExport(props, asked);
  const exports = props.exports;
  const rows = listed.data?.items ?? [];
  const total = listed.data?.total ?? rows.length;
  return (
    <>
      <PageHead
        title={props.title}
        {...(props.lead ? { lead: props.lead } : {})}
        actions={
          <>
            <Button
              icon={<ReloadOutlined />}
              aria-label={t('do.refresh')}
              onClick={() => void listed.refetch()}
              loading={listed.isFetching && !listed.isPending}
            />
            {exports ? (
              <Button
                icon={<DownloadOutlined />}
                loading={progress !== null}
                disabled={total === 0}
                onClick={() => (typeof exports === 'function' ? exports(asked.query) : void run())}
              >
                {progress ? t('list.exporting', progress) : t('do.export')}
              </Button>
            ) : null}
            {props.actions}
          </>
        }
      />
      {props.above}
      {listed.isPending ? (
        <Loading />
      ) : listed.isError ? (
        <div className="card">
          <Failure error={listed.error} retry={() => void listed.refetch()} />
        </div>
      ) : (
        <div className="card">
          {total > 0 || asked.isFiltered ? <FilterBar filters={filters} asked={asked} /> : null}
          {rows.length > 0 ? (
            <>
              <Rows props={props} rows={rows} isBusy={listed.isFetching} />
              {listed.data.next === undefined ? (
                <Foot asked={asked} total={total} shown={rows.length} />
              ) : (
                <CursorFoot asked={asked} next={listed.data.next} />
              )}
            </>
          ) : asked.isFiltered || asked.page > 1 ? (
            <Calm
              title={t('list.none')}
              hint={t('list.none_hint')}
              action={<Button onClick={asked.clear}>{t('list.clear')}</Button>}
            />
          ) : (
            <Calm {...props.empty} />
          )}
        </div>
      )}
    </>
  );
}
