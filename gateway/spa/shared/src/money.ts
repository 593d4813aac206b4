/** Money as people read it. Amounts are integer fen everywhere; only here they become yuan text. */

const GROUP = /\B(?=(\d{3})+$)/g;

/** Digits with thousands marks and two decimals: 123456 -> "1,234.56". */
export function yuan(fen: number): string {
  if (!Number.isSafeInteger(fen)) return '—';
  const digits = Math.abs(fen).toString().padStart(3, '0');
  const whole = digits.slice(0, -2).replace(GROUP, ',');
  return `${fen < 0 ? '-' : ''}${whole}.${digits.slice(-2)}`;
}

/** With the sign of the currency: 123456 -> "¥1,234.56". */
export function money(fen: number): string {
  const text = yuan(fen);
  return text.startsWith('-') ? `-¥${text.slice(1)}` : `¥${text}`;
}

/** What falls on each of so many: whole fen, half a fen upwards; no amount passes through a fraction. */
export function each(fen: number, count: number): number {
  const rest = fen % count;
  return (fen - rest) / count + (2 * rest >= count ? 1 : 0);
}

const TYPED = /^\s*¥?\s*(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,2}))?\s*元?\s*$/;

/**
 * What a person typed or pasted as yuan, in fen: "12.5" -> 1250, also with blanks around it, a
 * currency sign, thousands marks and full-width digits. null for anything else: a minus, a third
 * decimal, "12,50", and "1 0", which may have been meant as 1.0.
 * The digits are read as whole numbers, so no amount passes through a fraction.
 */
export function fenTyped(text: string): number | null {
  const found = TYPED.exec(text.normalize('NFKC'));
  if (!found) return null;
  const [, whole = '', part = ''] = found;
  return Number(whole.replaceAll(',', '') + part.padEnd(2, '0'));
}
