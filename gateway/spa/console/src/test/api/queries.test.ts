/** An answer on its way when something is changed is older than the change. */
import { QueryObserver } from '@tanstack/react-query';
import { expect, it } from 'vitest';
import { Queries } from '../../api/queries';

const KEY = ['list'];
const FRESH_MS = 10_000;

function slow() {
  const arrive: ((value: string) => void)[] = [];
  const queryFn = () => new Promise<string>((resolve) => arrive.push(resolve));
  return { arrive, options: { queryKey: KEY, queryFn, staleTime: FRESH_MS } };
}

it('loads again what arrives for a page that was left before the change', async () => {
  const queries = new Queries();
  const { arrive, options } = slow();
  const waits = queries.ensureQueryData(options);
  await queries.invalidateQueries({ queryKey: KEY });
  arrive[0]?.('before');
  expect(await waits, 'who waits for it has it').toBe('before');
  const leave = new QueryObserver(queries, options).subscribe(() => undefined);
  expect(arrive).toHaveLength(2);
  arrive[1]?.('after');
  await expect.poll(() => queries.getQueryData(KEY)).toBe('after');
  leave();
});

it('loads at once again what arrives when the page is open again', async () => {
  const queries = new Queries();
  const { arrive, options } = slow();
  void queries.prefetchQuery(options);
  await queries.invalidateQueries({ queryKey: KEY });
  const leave = new QueryObserver(queries, options).subscribe(() => undefined);
  arrive[0]?.('before');
  await expect.poll(() => arrive.length).toBe(2);
  arrive[1]?.('after');
  await expect.poll(() => queries.getQueryData(KEY)).toBe('after');
  leave();
});
