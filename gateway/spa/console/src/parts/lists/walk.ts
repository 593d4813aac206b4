/** A whole list, part by part, although it moves while it is read: no row twice, none lost. */
import { ApiProblem } from '@shared/problem';
import type { Query } from '../../api/client';

export interface Listed<T> {
  items: T[];
  total?: number;
  /** of a list that is walked by a cursor: where the next part begins, and the one before */
  next?: string | null;
  previous?: string | null;
}

interface Walk<T> {
  load: (query: Query) => Promise<Listed<T>>;
  keyOf: (row: T) => string;
  /** what is asked for beside the part */
  query?: Query;
  /** more rows than this are not read: the answer is null */
  limit?: number;
  told?: (progress: { done: number; total: number }) => void;
}

/** rows of one part: the most that a door gives */
const PART = 100;
/** so often a list without cursors is read again when it moved meanwhile */
const PASSES = 4;
const TRIES = 8;
const PAUSE_S_MAX = 30;

/** Waits when the door says that it was asked too often, and asks again. */
async function patiently<R>(ask: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 429 || tries >= TRIES) throw error;
      const wait = Math.min(Number(error.body.retry_after_s) || 1, PAUSE_S_MAX);
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    }
  }
}

async function byCursor<T>(walk: Walk<T>, first: Listed<T>): Promise<T[] | null> {
  const rows: T[] = [];
  let found = first;
  for (;;) {
    rows.push(...found.items);
    walk.told?.({ done: rows.length, total: Math.max(found.total ?? 0, rows.length) });
    if (walk.limit !== undefined && rows.length > walk.limit) return null;
    if (!found.next) return rows;
    const cursor = found.next;
    found = await patiently(() => walk.load({ ...walk.query, page_size: PART, cursor }));
  }
}

/** One reading of all pages; quiet when their number stood still and so many rows were met. */
async function onePass<T>(walk: Walk<T>, first: Listed<T>) {
  const rows = new Map<string, T>();
  const total = first.total ?? first.items.length;
  let isQuiet = true;
  let found = first;
  for (let page = 1; ; page += 1) {
    if (page > 1)
      found = await patiently(() => walk.load({ ...walk.query, page, page_size: PART }));
    if ((found.total ?? found.items.length) !== total && page > 1) isQuiet = false;
    for (const row of found.items) rows.set(walk.keyOf(row), row);
    walk.told?.({ done: Math.min(rows.size, total), total });
    if (page * PART >= Math.max(total, found.total ?? 0) || found.items.length === 0) break;
  }
  return { rows, isQuiet: isQuiet && rows.size === total };
}

/**
 * All rows, or null when there are more than `limit`. A list with cursors is walked by them. One
 * with page numbers only is read again when it moved; if it never rests, what any reading met.
 */
export async function everything<T>(walk: Walk<T>): Promise<T[] | null> {
  const { limit = Number.POSITIVE_INFINITY } = walk;
  const met = new Map<string, T>();
  for (let pass = 1; ; pass += 1) {
    const first = await patiently(() => walk.load({ ...walk.query, page: 1, page_size: PART }));
    if ((first.total ?? 0) > limit) return null;
    if (first.next !== undefined) return byCursor(walk, first);
    const { rows, isQuiet } = await onePass(walk, first);
    if (isQuiet) return [...rows.values()];
    for (const [key, row] of rows) met.set(key, row);
    if (pass >= PASSES) return [...met.values()];
  }
}
