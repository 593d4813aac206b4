/** Times as people read them: always those of China, with the zone said. */

export const ZONE = 'UTC+8';
const SHANGHAI_MS = 8 * 3600 * 1000;

/** "2026-11-26 19:06:34" in Asia/Shanghai, which has had no daylight saving since 1991. */
export function chinaTime(instant: string | number | Date): string {
  const ms = new Date(instant).getTime();
  if (Number.isNaN(ms)) return '—';
  return new Date(ms + SHANGHAI_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** The day in China: "2026-11-26". */
export function chinaDay(instant: string | number | Date): string {
  return chinaTime(instant).slice(0, 10);
}

/** The first instant of a day in China, as RFC 3339. */
export function dayStart(day: string): string {
  return new Date(`${day}T00:00:00+08:00`).toISOString();
}

/** The first instant after a day in China, as RFC 3339. */
export function dayEnd(day: string): string {
  return new Date(new Date(`${day}T00:00:00+08:00`).getTime() + 24 * 3600 * 1000).toISOString();
}
