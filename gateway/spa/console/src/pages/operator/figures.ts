/** Today's sales of merchants, from the order service; shown beside binding's data. */
import { get } from '../../api/client';
import type { Merchant, MerchantFigures } from '../../api/shapes';

/** How often the open page of a merchant is loaded again. */
export const LOOK_AGAIN_MS = 30_000;

/** By merchant; empty if the order service is unavailable: the list is shown without figures. */
export async function figuresOf(ids: string[]): Promise<Map<string, MerchantFigures>> {
  if (ids.length === 0) return new Map();
  try {
    const { items } = await get('/api/operator/v1/figures', { query: { merchant_id: ids } });
    return new Map(items.map((row) => [row.merchant_id, row]));
  } catch {
    return new Map();
  }
}

/** Names by id for one page of a list; empty if they cannot be loaded: the list is shown without
 * them. */
export async function merchantsOf(
  ids: readonly (string | null)[],
): Promise<Map<string, Pick<Merchant, 'merchant_id' | 'name'>>> {
  const wanted = [...new Set(ids.filter((one): one is string => one !== null))];
  if (wanted.length === 0) return new Map();
  try {
    const { items } = await get('/api/operator/v1/merchants', {
      query: { merchant_id: wanted, page_size: 100 },
    });
    return new Map(items.map((row) => [row.merchant_id, row]));
  } catch {
    return new Map();
  }
}
