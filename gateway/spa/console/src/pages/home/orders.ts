/** Links from a figure to its orders. */

/** The order list with these filters. */
export const ordersOf = (filters: Record<string, string>) => ({
  pathname: '/orders',
  search: `?${new URLSearchParams(filters)}`,
});

/** The net amount in fen: paid less refunded. */
export const kept = (totals: { paid_fen: number; refunded_fen: number }) =>
  totals.paid_fen - totals.refunded_fen;
