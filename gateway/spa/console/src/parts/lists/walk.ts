/** Reads a whole list, part by part, while it changes: no row twice, none lost. */
import { ApiProblem } from '@shared/problem';
import type { Query } from '../../api/client';

export interface Listed<T> {
  items: T[];
  total?: number;
  /** of a list with cursors: where the next part begins, and the previous one */
  next?: string | null;
  previous?: string | null;
}

interface Walk<T> {
  load: (query: Query) => Promise<Listed<T>>;
  keyOf: (row: T) => string;
  /** the rest of the request's query */
  query?: Query;
  /** if there are more rows than this, the result is null */
  limit?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** rows of one part: the most that the API returns */
const PART = 100;
/** how often a list without cursors is read again when it changed meanwhile */
const PASSES = 4;
const TRIES = 8;
const PAUSE_S_MAX = 30;

/** Waits when the API says "too many requests", and repeats the request. */
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
    walk.onProgress?.({ done: rows.length, total: Math.max(found.total ?? 0, rows.length) });
    if (walk.limit !== undefined && rows.length > walk.limit) return null;
    if (!found.next) return rows;
    const cursor = found.next;
    found = await patiently(() => walk.load({ ...walk.query, page_size: PART, cursor }));
  }
}

/** Reads all pages once; `quiet` when their number did not change and as many rows were read. */
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
    walk.onProgress?.({ done: Math.min(rows.size, total), total });
    if (page * PART >= Math.max(total, found.total ?? 0) || found.items.length === 0) break;
  }
  return { rows, isQuiet: isQuiet && rows.size === total };
}

/** All rows, or null when there are more than `limit`. A list with cursors is read by them. A
 * list with page numbers only is read again if it changed; if it never stops changing, the
 * result is the rows of all readings. */
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
