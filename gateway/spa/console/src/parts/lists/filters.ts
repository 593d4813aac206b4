/** The filters and position of a list, in the address, so that it can be shared and reloaded. */
import { dayEnd, dayStart } from '@shared/time';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { Query } from '../../api/client';
import { isDay } from './days';

interface FilterChoice {
  value: string;
  label: string;
}

export interface Filter {
  /** the name in the address and, except for days, in the API */
  name: string;
  label: string;
  kind: 'search' | 'text' | 'select' | 'day-from' | 'day-to';
  options?: FilterChoice[];
  placeholder?: string;
  /** shown only after "more filters" */
  isExtra?: boolean;
  /** the valid values; without it a choice has those of its options */
  accepts?: RegExp;
}

export interface Span {
  from: Filter;
  to: Filter;
}

/** The list's span of days, if it has one. */
export function spanOf(filters: Filter[]): Span | null {
  const from = filters.find((one) => one.kind === 'day-from');
  const to = filters.find((one) => one.kind === 'day-to');
  return from && to ? { from, to } : null;
}

const SIZES = [20, 50, 100];
export const PAGE_SIZES: readonly number[] = SIZES;
/** the highest page number that our API takes */
const PAGE_MAX = 10_000;

/** The characters of numbers: a text with any other finds none. */
export const NUMBER = /^[0-9A-Za-z_-]+$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The position of a page in a changing list: after a cursor, or before one. */
interface Step {
  cursor?: string | null;
  back?: string | null;
}

export interface ListState {
  /** what the filters show */
  values: Record<string, string>;
  page: number;
  pageSize: number;
  /** the request's query */
  query: Query;
  isFiltered: boolean;
  /** whether it is the top of the list, where new rows appear */
  isTop: boolean;
  /** filters with an invalid value in the address: they are not part of the request */
  ignored: Filter[];
  /** a search that cannot find anything, so that no request is needed */
  hopeless: Filter | null;
  change: (values: Record<string, string | undefined>) => void;
  turn: (page: number, pageSize?: number, step?: Step) => void;
  /** goes to the last page of a list that is shorter than the address says, without a history
   * entry */
  settle: (page: number) => void;
  clear: () => void;
}

function positive(text: string | null, otherwise: number): number {
  const found = Number(text);
  return Number.isInteger(found) && found > 0 ? Math.min(found, PAGE_MAX) : otherwise;
}

function isUnderstood(filter: Filter, value: string): boolean {
  if (filter.kind === 'day-from' || filter.kind === 'day-to') return isDay(value);
  if (filter.accepts) return filter.accepts.test(value.trim());
  if (filter.kind === 'select') return (filter.options ?? []).some((one) => one.value === value);
  return true;
}

function atDoor(filter: Filter, value: string): string {
  if (filter.kind === 'day-from') return dayStart(value);
  if (filter.kind === 'day-to') return dayEnd(value);
  return value.trim();
}

/** A span that ends before it begins is turned round. */
function inOrder(filters: Filter[], values: Record<string, string>): void {
  const span = spanOf(filters);
  if (!span) return;
  const [from, to] = [values[span.from.name], values[span.to.name]];
  if (from && to && isDay(from) && isDay(to) && from > to)
    Object.assign(values, { [span.from.name]: to, [span.to.name]: from });
}

function understood(filters: Filter[], params: URLSearchParams) {
  const values: Record<string, string> = {};
  const ignored: Filter[] = [];
  let hopeless: Filter | null = null;
  for (const filter of filters) {
    const value = params.get(filter.name);
    if (!value) continue;
    if (isUnderstood(filter, value)) values[filter.name] = value;
    else if (filter.kind === 'search' || filter.kind === 'text') {
      values[filter.name] = value;
      hopeless = filter;
    } else ignored.push(filter);
  }
  inOrder(filters, values);
  return { values, ignored, hopeless };
}

function queryOf(filters: Filter[], values: Record<string, string>, fixed: Query): Query {
  const query: Query = { ...fixed };
  for (const filter of filters) {
    const value = values[filter.name];
    if (value) query[filter.name] = atDoor(filter, value);
  }
  return query;
}

const TOP = { page: undefined, cursor: undefined, back: undefined };

export function useFilters(filters: Filter[], fixed: Query = {}): ListState {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const { values, ignored, hopeless } = understood(filters, params);
    const page = positive(params.get('page'), 1);
    const size = positive(params.get('page_size'), 20);
    const pageSize = SIZES.includes(size) ? size : 20;
    const put = (entries: Record<string, string | null | undefined>, replace = false) => {
      // The address itself: `params` may not show yet what was changed a moment ago.
      const now = new URLSearchParams(window.location.search);
      // Of a name that stands there twice, the first counts, as for what is shown.
      const before: Record<string, string> = {};
      for (const [name, value] of now) before[name] ??= value;
      const next: Record<string, string> = {};
      for (const [name, value] of Object.entries({ ...before, ...entries }))
        if (value) next[name] = value;
      inOrder(filters, next);
      const address = new URLSearchParams(next);
      // The same address again would be one more step for the back button.
      if (address.toString() !== now.toString()) setParams(address, { replace });
    };
    const query: Query = { ...queryOf(filters, values, fixed), page, page_size: pageSize };
    const [cursor, back] = [params.get('cursor'), params.get('back')];
    if (cursor) query.cursor = cursor;
    else if (back) query.back = back;
    const numbered = (next: number) => ({ page: next > 1 ? String(next) : undefined });
    return {
      values,
      page,
      pageSize,
      query,
      ignored,
      hopeless,
      isFiltered: Object.keys(values).length > 0 || ignored.length > 0,
      isTop: page === 1 && !cursor && !back,
      change: (entries) => put({ ...entries, ...TOP }),
      turn: (next, sized = pageSize, step = {}) =>
        put({
          ...TOP,
          ...numbered(next),
          // The top of a list has no cursor: new rows appear there.
          ...(next > 1 || step.cursor ? step : {}),
          page_size: sized === 20 ? undefined : String(sized),
        }),
      settle: (last) => put({ ...TOP, ...numbered(last) }, true),
      clear: () =>
        put({ ...Object.fromEntries(filters.map((one) => [one.name, undefined])), ...TOP }),
    };
  }, [filters, fixed, params, setParams]);
}
