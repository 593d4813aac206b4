/** Derives from the map what the page shows: its cards, the current one, and failures in other
 * cards. */
import type { OnboardingMap, OnboardingRow } from '../../api/shapes';
import type { Tone } from '../../parts/bits';

export interface CardRows {
  code: string;
  title_zh: string;
  title_en: string;
  rows: OnboardingRow[];
}

const OVER = new Set(['done', 'skipped']);

export const isOver = (row: OnboardingRow): boolean => OVER.has(row.state);

export function cardsOf(map: OnboardingMap): CardRows[] {
  const rows = new Map(map.steps.flatMap((step) => step.rows.map((row) => [row.row, row])));
  return map.cards.map((card) => ({
    ...card,
    rows: card.rows.flatMap((no) => rows.get(no) ?? []),
  }));
}

interface Current {
  /** what the merchant does next, or what is waited for */
  row: OnboardingRow | undefined;
  /** what can be done while Alipay works */
  meanwhile: OnboardingRow | undefined;
}

/** The card on which Alipay works stays open, with a hint to what can be done meanwhile.
 * Otherwise the person would be led away, and back again when the review has ended. */
export function currentOf(map: OnboardingMap): Current {
  const cards = cardsOf(map);
  const rows = cards.flatMap((card) => card.rows);
  const next = rows.find((row) => row.row === map.next_row);
  const running = rows.find((row) => row.state === 'running' && row.kind === 'auto');
  const cardOf = (row: OnboardingRow | undefined) =>
    cards.findIndex((card) => row !== undefined && card.rows.includes(row));
  if (running && cardOf(running) < cardOf(next)) return { row: running, meanwhile: next };
  const row = next ?? rows.find((one) => one.state === 'running');
  return { row, meanwhile: undefined };
}

/** Failed rows of cards that are not open: they delay nobody, but are shown. */
export function troubleBeside(cards: CardRows[], open: string | undefined): OnboardingRow[] {
  return cards
    .filter((card) => card.code !== open)
    .flatMap((card) => card.rows.filter((row) => row.state === 'failed'));
}

const needed = (card: CardRows) => card.rows.filter((row) => !row.optional);

export function countOf(card: CardRows): { done: number; total: number } {
  return { done: needed(card).filter(isOver).length, total: needed(card).length };
}

export function toneOf(card: CardRows): Tone {
  const rows = needed(card);
  if (rows.every(isOver)) return 'ok';
  if (rows.some((row) => row.state === 'failed')) return 'bad';
  if (rows.some((row) => row.state === 'running')) return 'run';
  return rows.some(isOver) ? 'warn' : 'mute';
}

/** Rows whose state a check may change: failed ones, and waiting ones that were checked before. */
export function worthALook(map: OnboardingMap): OnboardingRow[] {
  return cardsOf(map)
    .flatMap((card) => card.rows)
    .filter(
      (row) =>
        row.can_check && (row.state === 'failed' || (row.state === 'todo' && row.at !== null)),
    );
}
