/** The one list page: heading, filters in the address, table or cards, paging, export, empty state. */
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
import { type Asked, type Filter, useFilters } from './filters';
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
  /** always asked for, beside the filters */
  fixed?: Query;
  actions?: ReactNode;
  above?: ReactNode;
  /** a row on a phone; without it all columns one below the other */
  card?: (row: T) => ReactNode;
  onOpen?: (row: T) => void;
  /** an own export door; `true` exports here what `text` says */
  exports?: boolean | ((query: Query) => void);
  /** what the cells of an export need beside the rows */
  prepare?: () => Promise<unknown>;
  /** the top of the list moves by itself while somebody looks: so often it is asked what has come,
   * `since` the row on top, which is cheap however long the list is */
  live?: { everyMs: number; since: (top: T) => Query };
  /** how soon the page that is shown is asked again because of what stands on it; false: not */
  lookAgainMs?: (shown: T[]) => number | false;
  empty: { title: string; hint?: string; action?: ReactNode };
}

const NO_FILTERS: Filter[] = [];
const NOTHING: Query = {};
const NO_ROWS: Listed<never> = { items: [], total: 0 };

/** What changed further down is seen with every so many questions for news. */
const WHOLE_EVERY = 6;

/** Asks what has come since the row on top, and for the whole page only when something has. */
function useNews<T>(props: Props<T>, asked: Asked, listed: UseQueryResult<Listed<T>>) {
  const { live, rowKey } = props;
  const rows = asked.isTop && !listed.isPlaceholderData ? listed.data?.items : undefined;
  const top = rows?.[0];
  const since = live && top ? live.since(top) : undefined;
  const news = useQuery({
    queryKey: [...props.queryKey, 'news', asked.query, since],
    queryFn: () => props.load({ ...asked.query, ...since }),
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

/** The rows that are asked for; a page behind the last one becomes the last one. */
function useListed<T>(props: Props<T>, asked: Asked) {
  const listed = useQuery({
    queryKey: [...props.queryKey, asked.query, asked.hopeless?.name ?? ''],
    queryFn: (): Promise<Listed<T>> | Listed<T> =>
      asked.hopeless ? NO_ROWS : props.load(asked.query),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => {
      const moving = props.lookAgainMs?.(query.state.data?.items ?? []);
      if (moving) return moving;
      if (!props.live || !asked.isTop) return false;
      // The first order of a new shop has no row before it to ask from.
      const isWaiting = query.state.data?.items.length === 0 && !asked.isFiltered;
      return props.live.everyMs * (isWaiting ? 1 : WHOLE_EVERY);
    },
  });
  useNews(props, asked, listed);
  const { data, isPlaceholderData } = listed;
  const total = data?.total ?? 0;
  // Where a page begins is no filter: what the door does not take of it is left out.
  const isAstray = listed.isLoadingError && statusOf(listed.error) === 422 && !asked.isTop;
  const isBehind =
    isAstray ||
    (data !== undefined && !isPlaceholderData && !asked.isTop && data.items.length === 0);
  useEffect(() => {
    if (!isBehind) return;
    const last = Math.max(1, Math.ceil(total / asked.pageSize));
    const isThere = last === asked.page && !asked.query.cursor && !asked.query.back;
    asked.settle(isThere ? 1 : last);
  }, [isBehind, total, asked]);
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
  asked,
  columns,
  listed,
}: {
  props: Props<T>;
  asked: Asked;
  columns: Column<T>[];
  listed: ReturnType<typeof useListed<T>>['listed'];
}) {
  const { t } = useText();
  const clear = <Button onClick={asked.clear}>{t('list.clear')}</Button>;
  if (listed.isPending) return <Waiting />;
  if (listed.isLoadingError) {
    // What the door does not take of an address is mended where it stands.
    if (asked.isFiltered && statusOf(listed.error) === 422)
      return <Calm title={t('list.none')} hint={t('list.refused')} action={clear} />;
    return <Failure error={listed.error} retry={() => void listed.refetch()} />;
  }
  if (listed.data.items.length === 0) {
    if (!asked.isFiltered) return <Calm {...props.empty} />;
    const hint = asked.hopeless?.accepts ? 'list.hopeless' : 'list.none_hint';
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
        list={JSON.stringify(asked.query)}
      />
      <Foot asked={asked} found={listed.data} />
    </>
  );
}

export function ListPage<T>(props: Props<T>) {
  const { t } = useText();
  const filters = props.filters ?? NO_FILTERS;
  const asked = useFilters(filters, props.fixed ?? NOTHING);
  const { listed, isBehind } = useListed(props, asked);
  const [isAsking, setAsking] = useState(false);
  const { progress, run } = useExport(props);
  const columns = useColumns(String(props.queryKey[0]), props.columns, props.card !== undefined);
  const exports = props.exports;
  const count = listed.data?.total ?? listed.data?.items.length ?? 0;
  const refresh = () => {
    setAsking(true);
    void listed.refetch().finally(() => setAsking(false));
  };
  const isEmpty = listed.isSuccess && count === 0 && !asked.isFiltered;
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
                  typeof exports === 'function' ? exports(asked.query) : void run(asked.query)
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
        {isEmpty || isForbidden ? null : <FilterBar filters={filters} asked={asked} />}
        {isBehind ? (
          <Waiting />
        ) : (
          <Body props={props} asked={asked} columns={columns.shown} listed={listed} />
        )}
      </div>
    </>
  );
}
