/** What merchants took today: the order service's to tell, put beside what binding says of them. */
import { get } from '../../api/client';
import type { Merchant, MerchantFigures } from '../../api/shapes';

/** A merchant's page that stays open is looked at again so often. */
export const LOOK_AGAIN_MS = 30_000;

/** By merchant; empty where the order service is away: the list goes on without figures. */
export async function figuresOf(ids: string[]): Promise<Map<string, MerchantFigures>> {
  if (ids.length === 0) return new Map();
  try {
    const { items } = await get('/api/operator/v1/figures', { query: { merchant_id: ids } });
    return new Map(items.map((row) => [row.merchant_id, row]));
  } catch {
    return new Map();
  }
}

/** Names for ids, of one page of something; none where they cannot be had: the list goes on. */
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
