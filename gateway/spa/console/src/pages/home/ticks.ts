/** The marks of a money axis. */

const STEPS_AT_MOST = 4;

/** Round marks in whole fen from 0 to the first at or above `most`: 7 -> [0, 2, 4, 6, 8]. */
export function fenTicks(most: number): number[] {
  let step = 1;
  for (let factor = 0; step * STEPS_AT_MOST < most; factor += 1) {
    step = ([1, 2, 5][factor % 3] ?? 1) * 10 ** Math.floor(factor / 3);
  }
  const marks = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: marks + 1 }, (_, place) => place * step);
}
