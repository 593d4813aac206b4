/** Notices that were refused: counted by hour, app and reason. */
import { chinaTime } from '@shared/time';
import { Button } from 'antd';
import { useNavigate } from 'react-router';
import { get } from '../../../api/client';
import type { RefusalRow } from '../../../api/shapes';
import { Id, When } from '../../../parts/bits';
import type { Column } from '../../../parts/lists/columns';
import { ListPage } from '../../../parts/lists/ListPage';
import { useText } from '../../../texts';
import { merchantsOf } from '../figures';
import { reasonText } from './NoticePanel';

type Row = RefusalRow & { merchant_name: string | undefined };

const SHOWN_MAX = 200;

async function load() {
  const found = await get('/api/operator/v1/notices/refusals', { query: { limit: SHOWN_MAX } });
  const names = await merchantsOf(found.items.map((row) => row.merchant_id));
  const items = found.items.map(
    (row): Row => ({ ...row, merchant_name: names.get(row.merchant_id ?? '')?.name }),
  );
  return { items, next: null };
}

export default function Refusals() {
  const { t } = useText();
  const navigate = useNavigate();
  const columns: Column<Row>[] = [
    {
      key: 'hour',
      title: t('refusals.hour'),
      render: (row) => <When at={row.hour} />,
      text: (row) => chinaTime(row.hour),
    },
    {
      key: 'merchant',
      title: t('notices.merchant'),
      render: (row) => (
        <div className="who">
          <span>{row.merchant_name ?? (row.merchant_id ? '—' : t('refusals.nobody'))}</span>
        </div>
      ),
    },
    {
      key: 'reason',
      title: t('notices.reason'),
      render: (row) => reasonText(t, row.reason),
    },
    {
      key: 'count',
      title: t('refusals.count'),
      align: 'right',
      render: (row) => row.refused,
    },
    { key: 'client', title: t('refusals.client'), render: (row) => row.last_client || '—' },
    {
      key: 'trade',
      title: t('notices.trade'),
      render: (row) => <Id value={row.last_out_trade_no} label={t('notices.trade')} isShort />,
    },
  ];
  return (
    <ListPage<Row>
      title={t('notices.refused_page')}
      lead={t('refusals.lead')}
      queryKey={['notices', 'refused']}
      load={load}
      rowKey={(row) => `${row.hour}${row.merchant_id}${row.app_id}${row.reason}`}
      columns={columns}
      actions={<Button onClick={() => navigate('/notices')}>{t('notices.back')}</Button>}
      empty={{ title: t('refusals.empty') }}
    />
  );
}
