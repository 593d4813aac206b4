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
