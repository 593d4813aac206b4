/** The latest orders on the home page; each is a link to the order. */
import { dayStart } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { get } from '../../api/client';
import { useStores } from '../../lookups/stores';
import { Card, Money, When } from '../../parts/bits';
import { quickDays } from '../../parts/lists/days';
import { useText } from '../../texts';
import { StatusTag } from '../orders/status';

const SHOWN = 8;
const EVERY_MS = 10_000;

export function recent(storeId: string | undefined) {
  return {
    queryKey: ['orders', 'recent', storeId],
    queryFn: () =>
      get('/api/merchant/v1/orders', {
        // The same days as the figures, so that counting them costs little.
        query: { store_id: storeId, page_size: SHOWN, from: dayStart(quickDays('week').from) },
      }),
  };
}

export function Recent() {
  const { t } = useText();
  const { storeId } = useStores();
  const found = useQuery({ ...recent(storeId), refetchInterval: EVERY_MS });
  const rows = found.data?.items ?? [];
  if (rows.length === 0) return null;
  return (
    <Card title={t('home.recent')} extra={<Link to="/orders">{t('home.recent_all')}</Link>}>
      <ul className="recent">
        {rows.map((order) => (
          <li key={order.order_id}>
            <Link to={`/orders/${order.order_no}`}>
              <When at={order.ordered_at} isBare />
              <strong>
                <Money fen={order.payable_fen} />
              </strong>
              <StatusTag order={order} />
              <span className="soft end">{order.store_name ?? ''}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
