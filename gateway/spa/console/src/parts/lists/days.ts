/** Days in China as filters have them: "2026-11-28"; quick ranges of them. */
import { chinaDay } from '@shared/time';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 24 * 3600 * 1000;
/** the years that our API takes (shared/contracts/fields.py) */
const YEARS = [2000, 2099] as const;

/** Whether it is a day of the calendar within sane years. */
export function isDay(text: string): boolean {
  if (!DAY.test(text)) return false;
  const year = Number(text.slice(0, 4));
  const at = new Date(`${text}T00:00:00Z`);
  return (
    year >= YEARS[0] &&
    year <= YEARS[1] &&
    !Number.isNaN(at.getTime()) &&
    at.toISOString().slice(0, 10) === text
  );
}

const WRITTEN = /^(\d{4})\D(\d{1,2})\D(\d{1,2})\D?$/;

/** The day of a typed text: 2026-1-5, 2026/01/05, 20260105, 2026年1月5日; undefined for any other. */
export function dayOf(text: string): string | null {
  const plain = text.trim().replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  const [, year, month = '', day = ''] = WRITTEN.exec(plain) ?? [];
  const found = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  return isDay(found) ? found : null;
}

interface Days {
  from: string;
  to: string;
}

export const QUICK = ['today', 'yesterday', 'week', 'month_days', 'month'] as const;
export type Quick = (typeof QUICK)[number];

/** "Today" and the other ranges at this moment: 7 and 30 days with today, the month so far. */
export function quickDays(which: Quick, now: Date = new Date()): Days {
  const back = (days: number) => chinaDay(now.getTime() - days * DAY_MS);
  const today = back(0);
  switch (which) {
    case 'today':
      return { from: today, to: today };
    case 'yesterday':
      return { from: back(1), to: back(1) };
    case 'week':
      return { from: back(6), to: today };
    case 'month_days':
      return { from: back(29), to: today };
    case 'month':
      return { from: `${today.slice(0, 8)}01`, to: today };
  }
}
