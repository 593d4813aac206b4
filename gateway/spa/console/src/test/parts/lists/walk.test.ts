/** Whole lists while they move: no row twice, none lost; and files that spreadsheets do not spoil. */
import { ApiProblem } from '@shared/problem';
import { expect, it, vi } from 'vitest';
import type { Query } from '../../../api/client';
import { cell, fileName } from '../../../parts/lists/csv';
import { dayOf, isDay, quickDays } from '../../../parts/lists/days';
import { everything } from '../../../parts/lists/walk';

interface Row {
  id: string;
}
const keyOf = (row: Row) => row.id;
const rows = (count: number, from = 0): Row[] =>
  Array.from({ length: count }, (_, place) => ({ id: String(from + place) }));

/** Small random numbers that are the same each time. */
function dice(seed: number) {
  let state = seed + 1;
  return (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/** A list of numbered pages, newest first, that `move` changes after each page it gave. */
function paged(list: Row[], move: (list: Row[], asked: number) => void) {
  let asked = 0;
  return async ({ page, page_size }: Query) => {
    const from = (Number(page) - 1) * Number(page_size);
    const found = { items: list.slice(from, from + Number(page_size)), total: list.length };
    asked += 1;
    move(list, asked);
    return found;
  };
}

it('reads a list that rests once, page by page', async () => {
  const load = vi.fn(paged(rows(250), () => undefined));
  expect(await everything({ load, keyOf })).toEqual(rows(250));
  expect(load).toHaveBeenCalledTimes(3);
  expect(load.mock.calls.map(([query]) => query.page)).toEqual([1, 2, 3]);
});

it.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'meets each row once while rows come and move (seed %i)',
  async (seed) => {
    const roll = dice(seed);
    const list = rows(120 + roll(300));
    const before = list.map(keyOf);
    let made = 10_000;
    const load = paged(list, (now, asked) => {
      if (asked > 8) return; // it rests in the end
      for (let count = roll(4); count > 0; count -= 1) {
        made += 1;
        now.unshift({ id: String(made) });
      }
      if (roll(2) === 0) {
        const [moved] = now.splice(roll(now.length), 1);
        if (moved) now.unshift(moved);
      }
    });
    const found = (await everything({ load, keyOf }))?.map(keyOf) ?? [];
    expect(new Set(found).size).toBe(found.length);
    expect(before.filter((id) => !found.includes(id))).toEqual([]);
  },
);

it('leaves out what left the list while it was read', async () => {
  const list = rows(250);
  const load = paged(list, (now, asked) => {
    if (asked === 1) now.splice(0, 1);
  });
  expect(await everything({ load, keyOf })).toEqual(rows(249, 1));
});

it('goes on for ever nowhere: a list that never rests is what was met of it', async () => {
  const list = rows(150);
  let made = 1000;
  const load = vi.fn(
    paged(list, (now) => {
      made += 1;
      now.unshift({ id: String(made) });
    }),
  );
  const found = (await everything({ load, keyOf })) ?? [];
  expect(new Set(found.map(keyOf)).size).toBe(found.length);
  expect(rows(150).every((row) => found.some((one) => one.id === row.id))).toBe(true);
  expect(load.mock.calls.length).toBeLessThan(20);
});

it('keeps what one reading missed and another met', async () => {
  const list = rows(150);
  const load = paged(list, (now, asked) => {
    // After each first page the last row goes to the top: this reading does not meet it.
    if (asked % 2 === 1) now.unshift(...now.splice(-1));
  });
  const found = ((await everything({ load, keyOf })) ?? []).map(keyOf);
  expect(found.length).toBe(150);
  expect(new Set(found).size).toBe(150);
});

it('follows cursors where the list has them', async () => {
  const load = vi.fn(async ({ cursor }: Query) => {
    const from = Number(cursor ?? 0);
    return { items: rows(2, from), total: 99, next: from < 4 ? String(from + 2) : null };
  });
  expect(await everything({ load, keyOf, query: { pay_state: 'paid' } })).toEqual(rows(6));
  expect(load.mock.calls.map(([query]) => query.cursor)).toEqual([undefined, '2', '4']);
  expect(load.mock.calls.every(([query]) => query.pay_state === 'paid')).toBe(true);
});

it('reads no more than it may, by pages and by cursors', async () => {
  const pages = paged(rows(101), () => undefined);
  expect(await everything({ load: pages, keyOf, limit: 100 })).toBeNull();
  const cursors = async () => ({ items: rows(60), next: 'more' });
  expect(await everything({ load: cursors, keyOf, limit: 100 })).toBeNull();
});

it('waits when it is told to, and gives up on other refusals', async () => {
  vi.useFakeTimers();
  let tries = 0;
  const load = async () => {
    tries += 1;
    if (tries < 3)
      throw new ApiProblem({ status: 429, code: 'rate.limited', title: '', retry_after_s: 2 });
    return { items: rows(1), total: 1 };
  };
  const found = everything({ load, keyOf });
  await vi.advanceTimersByTimeAsync(3_900);
  expect(tries).toBe(2);
  await vi.advanceTimersByTimeAsync(200);
  expect(await found).toEqual(rows(1));
  vi.useRealTimers();
  const refused = async () => {
    throw new ApiProblem({ status: 403, code: 'auth.forbidden', title: '' });
  };
  await expect(everything({ load: refused, keyOf })).rejects.toThrow('auth.forbidden');
});

it.each([
  ['2026112304000012345678901234', '2026112304000012345678901234\t'],
  ['2088000000000001', '2088000000000001\t'],
  ['123456789012', '123456789012\t'],
  ['0571', '0571\t'],
  ['12E34', '12E34\t'],
  ['D26112312345678', 'D26112312345678'],
  ['1234567890.12', '1234567890.12'],
  ['0.01', '0.01'],
  ['0', '0'],
  ['12345678901', '12345678901'],
])('a spreadsheet keeps every digit of %s', (text, expected) => {
  expect(cell(text)).toBe(expected);
});

it('names a file after its list and the moment in China', () => {
  const at = new Date('2026-11-28T16:05:00Z');
  expect(fileName('订单管理', at)).toBe('订单管理_2026-11-29_0005.csv');
  expect(fileName('Staff / roles', at)).toBe('Staff-roles_2026-11-29_0005.csv');
});

it('knows the days of a calendar', () => {
  for (const day of ['2026-11-28', '2028-02-29']) expect(isDay(day)).toBe(true);
  for (const day of ['', '0002-01-01', '2027-02-29', '2026-13-01', '2026-1-1', '19991231', 'x'])
    expect(isDay(day)).toBe(false);
});

it('understands days as people write them', () => {
  for (const text of ['2026-1-5', '2026/01/05', '20260105', ' 2026.1.5 ', '2026年1月5日'])
    expect(dayOf(text)).toBe('2026-01-05');
  for (const text of ['', '2026', '2026-2-30', '26-1-5', '5/1/2026', '2026-1-', '0002-1-5'])
    expect(dayOf(text)).toBeNull();
});

it('counts quick ranges in days of China', () => {
  const late = new Date('2026-11-30T16:30:00Z');
  expect(quickDays('today', late)).toEqual({ from: '2026-12-01', to: '2026-12-01' });
  expect(quickDays('yesterday', late)).toEqual({ from: '2026-11-30', to: '2026-11-30' });
  expect(quickDays('week', late)).toEqual({ from: '2026-11-25', to: '2026-12-01' });
  expect(quickDays('month_days', late)).toEqual({ from: '2026-11-02', to: '2026-12-01' });
  expect(quickDays('month', late)).toEqual({ from: '2026-12-01', to: '2026-12-01' });
});
