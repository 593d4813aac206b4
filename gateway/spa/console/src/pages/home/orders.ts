/** From a figure to the orders behind it. */

/** The order list with these filters. */
export const ordersOf = (asked: Record<string, string>) => ({
  pathname: '/orders',
  search: `?${new URLSearchParams(asked)}`,
});

/** What was kept: taken less given back, in fen. */
export const kept = (totals: { paid_fen: number; refunded_fen: number }) =>
  totals.paid_fen - totals.refunded_fen;
