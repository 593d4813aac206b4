/** What a list is asked for, kept in the address so that it can be shared and reloaded. */
import { dayEnd, dayStart } from '@shared/time';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { Query } from '../api/client';

export interface FilterChoice {
  value: string;
  label: string;
}

export interface Filter {
  /** the name in the address and, but for days, at the door */
  name: string;
  label: string;
  kind: 'search' | 'text' | 'select' | 'day-from' | 'day-to';
  options?: FilterChoice[];
  placeholder?: string;
  /** shown only after "more filters" */
  isExtra?: boolean;
}

const SIZES = [20, 50, 100];
export const PAGE_SIZES: readonly number[] = SIZES;

export interface Asked {
  values: Record<string, string>;
  page: number;
  pageSize: number;
  /** as the door wants it */
  query: Query;
  isFiltered: boolean;
  change: (values: Record<string, string | undefined>) => void;
  turn: (page: number, pageSize?: number) => void;
  /** for lists that are walked by a cursor: the next part, or the first */
  follow: (cursor: string | null) => void;
  clear: () => void;
}

function positive(text: string | null, otherwise: number): number {
  const found = Number(text);
  return Number.isInteger(found) && found > 0 ? found : otherwise;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

function atDoor(filter: Filter, value: string): string | undefined {
  if (filter.kind === 'day-from') return DAY.test(value) ? dayStart(value) : undefined;
  if (filter.kind === 'day-to') return DAY.test(value) ? dayEnd(value) : undefined;
  return value.trim();
}

export function useFilters(filters: Filter[], fixed: Query = {}): Asked {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const values: Record<string, string> = {};
    const query: Query = { ...fixed };
    for (const filter of filters) {
      const value = params.get(filter.name);
      if (!value) continue;
      values[filter.name] = value;
      query[filter.name] = atDoor(filter, value);
    }
    const page = positive(params.get('page'), 1);
    const asked = positive(params.get('page_size'), 20);
    const pageSize = SIZES.includes(asked) ? asked : 20;
    const put = (entries: Record<string, string | undefined>) =>
      setParams((before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(entries)) {
          if (value) next.set(name, value);
          else next.delete(name);
        }
        return next;
      });
    return {
      values,
      page,
      pageSize,
      query: params.get('cursor')
        ? { ...query, page, page_size: pageSize, cursor: params.get('cursor') ?? '' }
        : { ...query, page, page_size: pageSize },
      isFiltered: Object.keys(values).length > 0,
      change: (entries) => put({ ...entries, page: undefined, cursor: undefined }),
      follow: (cursor) => put({ cursor: cursor ?? undefined }),
      turn: (next, size = pageSize) =>
        put({
          page: next > 1 ? String(next) : undefined,
          page_size: size === 20 ? undefined : String(size),
        }),
      clear: () =>
        put(
          Object.fromEntries([
            ...filters.map((one) => [one.name, undefined]),
            ['page', undefined],
            ['cursor', undefined],
          ]),
        ),
    };
  }, [filters, fixed, params, setParams]);
}
