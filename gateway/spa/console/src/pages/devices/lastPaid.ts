/** The last payments of devices, from the order service; shown beside the data of the device
 * service. */
import { get } from '../../api/client';
import type { order } from '../../api/generated';

export type LastPayment = order.components['schemas']['LastPaymentOut'];

/** By device: undefined if it has no payment, null if the order service is unavailable: the list
 * is shown without it. */
export async function lastPaidOf(
  ids: string[],
): Promise<(id: string) => LastPayment | null | undefined> {
  if (ids.length === 0) return () => undefined;
  try {
    const { items } = await get('/api/merchant/v1/dashboard/last-payments', {
      query: { device_id: ids },
    });
    const found = new Map(items.map((one) => [one.device_id, one]));
    return (id) => found.get(id);
  } catch {
    return () => null;
  }
}
