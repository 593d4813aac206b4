/** The list page: heading, filters in the address, table or cards, paging, export, empty state. */
import { DownloadOutlined, ReloadOutlined } from '@ant-design/icons';
import { ApiProblem } from '@shared/problem';
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { Button, Skeleton } from 'antd';
import { type ReactNode, useEffect, useState } from 'react';
import type { Query } from '../../api/client';
import { useText } from '../../texts';
import { PageHead } from '../bits';
import { Calm, Failure, Slow } from '../states';
import { type Column, useColumns } from './columns';
import { FilterBar } from './FilterBar';
import { Foot } from './Foot';
import { type Filter, type ListState, useFilters } from './filters';
import { Rows } from './Rows';
import { useExport } from './useExport';
import type { Listed } from './walk';

interface Props<T> {
  title: string;
  lead?: string;
  queryKey: readonly unknown[];
  load: (query: Query) => Promise<Listed<T>>;
  rowKey: (row: T) => string;
  columns: Column<T>[];
  filters?: Filter[];
  /** part of every request, beside the filters */
  fixed?: Query;
  actions?: ReactNode;
  above?: ReactNode;
  /** a row on a phone; without it all columns one below the other */
  card?: (row: T) => ReactNode;
  onOpen?: (row: T) => void;
  /** a server-side export; `true` exports here the texts of the columns */
  exports?: boolean | ((query: Query) => void);
  /** what the cells of an export need beside the rows */
  prepare?: () => Promise<unknown>;
  /** the top of the list updates itself: the interval, and `since`, which asks only for rows
   * newer than the first one, which is cheap however long the list is */
  live?: { everyMs: number; since: (top: T) => Query };
  /** how soon the present page is loaded again because of its rows; false: not */
  lookAgainMs?: (shown: T[]) => number | false;
  empty: { title: string; hint?: string; action?: ReactNode };
}

const NO_FILTERS: Filter[] = [];
const NOTHING: Query = {};
const NO_ROWS: Listed<never> = { items: [], total: 0 };

/** After this many checks for new rows the whole page is loaded again, for changes further down. */
const WHOLE_EVERY = 6;

/** Checks for rows newer than the first one, and loads the whole page only when there are some. */
function useNews<T>(props: Props<T>, state: ListState, listed: UseQueryResult<Listed<T>>) {
  const { live, rowKey } = props;
  const rows = state.isTop && !listed.isPlaceholderData ? listed.data?.items : undefined;
  const top = rows?.[0];
  const since = live && top ? live.since(top) : undefined;
  const news = useQuery({
    queryKey: [...props.queryKey, 'news', state.query, since],
    queryFn: () => props.load({ ...state.query, ...since }),
    enabled: since !== undefined,
    initialData: rows ? { items: rows } : undefined,
    refetchInterval: live?.everyMs ?? false,
  });
  const known = new Set(rows?.map(rowKey));
  const hasCome = rows !== undefined && news.data?.items.some((row) => !known.has(rowKey(row)));
  const { refetch } = listed;
  useEffect(() => {
    if (hasCome) void refetch();
  }, [hasCome, refetch]);
}

const statusOf = (error: unknown) => (error instanceof ApiProblem ? error.status : 0);

/** The rows of the page; a page beyond the last one becomes the last one. */
function useListed<T>(props: Props<T>, state: ListState) {
  const listed = useQuery({
    queryKey: [...props.queryKey, state.query, state.hopeless?.name ?? ''],
    queryFn: (): Promise<Listed<T>> | Listed<T> =>
      state.hopeless ? NO_ROWS : props.load(state.query),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => {
      const moving = props.lookAgainMs?.(query.state.data?.items ?? []);
      if (moving) return moving;
      if (!props.live || !state.isTop) return false;
      // A new shop has no first row yet whose time could be used.
      const isWaiting = query.state.data?.items.length === 0 && !state.isFiltered;
      return props.live.everyMs * (isWaiting ? 1 : WHOLE_EVERY);
    },
  });
  useNews(props, state, listed);
  const { data, isPlaceholderData } = listed;
  const total = data?.total ?? 0;
  // The position of a page is no filter: one that the API refuses is dropped.
  const isAstray = listed.isLoadingError && statusOf(listed.error) === 422 && !state.isTop;
  const isBehind =
    isAstray ||
    (data !== undefined && !isPlaceholderData && !state.isTop && data.items.length === 0);
  useEffect(() => {
    if (!isBehind) return;
    const last = Math.max(1, Math.ceil(total / state.pageSize));
    const isThere = last === state.page && !state.query.cursor && !state.query.back;
    state.settle(isThere ? 1 : last);
  }, [isBehind, total, state]);
  return { listed, isBehind };
}

function Waiting() {
  const { t } = useText();
  return (
    <div aria-busy="true" role="status" aria-label={t('loading')}>
      <Slow />
      <Skeleton active paragraph={{ rows: 6 }} />
    </div>
  );
}

function Body<T>({
  props,
  state,
  columns,
  listed,
}: {
  props: Props<T>;
  state: ListState;
  columns: Column<T>[];
  listed: ReturnType<typeof useListed<T>>['listed'];
}) {
  const { t } = useText();
  const clear = <Button onClick={state.clear}>{t('list.clear')}</Button>;
  if (listed.isPending) return <Waiting />;
  if (listed.isLoadingError) {
    // A value of the address that the API refuses can be corrected here.
    if (state.isFiltered && statusOf(listed.error) === 422)
      return <Calm title={t('list.none')} hint={t('list.refused')} action={clear} />;
    return <Failure error={listed.error} retry={() => void listed.refetch()} />;
  }
  if (listed.data.items.length === 0) {
    if (!state.isFiltered) return <Calm {...props.empty} />;
    const hint = state.hopeless?.accepts ? 'list.hopeless' : 'list.none_hint';
    return <Calm title={t('list.none')} hint={t(hint)} action={clear} />;
  }
  return (
    <>
      {listed.isRefetchError ? (
        <p className="soft" role="status">
          {t('list.stale')}
        </p>
      ) : null}
      <Rows
        title={props.title}
        rows={listed.data.items}
        rowKey={props.rowKey}
        columns={columns}
        card={props.card}
        onOpen={props.onOpen}
        isBusy={listed.isPlaceholderData}
        list={JSON.stringify(state.query)}
      />
      <Foot state={state} found={listed.data} />
    </>
  );
}

export function ListPage<T>(props: Props<T>) {
  const { t } = useText();
  const filters = props.filters ?? NO_FILTERS;
  const state = useFilters(filters, props.fixed ?? NOTHING);
  const { listed, isBehind } = useListed(props, state);
  const [isAsking, setAsking] = useState(false);
  const { progress, run } = useExport(props);
  const columns = useColumns(String(props.queryKey[0]), props.columns, props.card !== undefined);
  const exports = props.exports;
  const count = listed.data?.total ?? listed.data?.items.length ?? 0;
  const refresh = () => {
    setAsking(true);
    void listed.refetch().finally(() => setAsking(false));
  };
  const isEmpty = listed.isSuccess && count === 0 && !state.isFiltered;
  const isForbidden = listed.isError && statusOf(listed.error) === 403;
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
              onClick={refresh}
              loading={isAsking}
            />
            {columns.button}
            {exports ? (
              <Button
                icon={<DownloadOutlined aria-hidden />}
                loading={progress !== null}
                disabled={count === 0}
                onClick={() =>
                  typeof exports === 'function' ? exports(state.query) : void run(state.query)
                }
              >
                {progress ? t('list.exporting', progress) : t('do.export')}
              </Button>
            ) : null}
            {props.actions}
          </>
        }
      />
      {props.above}
      <div className="card">
        {isEmpty || isForbidden ? null : <FilterBar filters={filters} state={state} />}
        {isBehind ? (
          <Waiting />
        ) : (
          <Body props={props} state={state} columns={columns.shown} listed={listed} />
        )}
      </div>
    </>
  );
}
