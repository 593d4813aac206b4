/** What Alipay told us, what became of it, and a button for those that failed. */

import { chinaTime } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useMemo } from 'react';
import { get, post } from '../../api/client';
import type { NoticeRow } from '../../api/pending';
import { Id, Tag, When } from '../../parts/bits';
import type { Filter } from '../../parts/filters';
import { type Column, ListPage } from '../../parts/ListPage';
import { useSay } from '../../parts/say';
import { tone } from '../../parts/words';
import { useText } from '../../texts';

const STATES = ['received', 'applied', 'duplicate', 'mismatch', 'failed'];

export default function Notices() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: (notice_id: string) =>
      post('/api/operator/v1/notices/{notice_id}/replay', {}, { path: { notice_id } }),
    onSuccess: async () => {
      say.done(t('notices.replayed'));
      await queries.invalidateQueries({ queryKey: ['notices'] });
    },
    onError: say.failed,
  });
  const filters = useMemo<Filter[]>(
    () => [
      { name: 'out_trade_no', label: t('notices.trade'), kind: 'search' },
      {
        name: 'state',
        label: t('notices.state'),
        kind: 'select',
        options: STATES.map((value) => ({ value, label: value })),
      },
    ],
    [t],
  );
  const columns: Column<NoticeRow>[] = [
    {
      key: 'at',
      title: t('notices.at'),
      render: (row) => <When at={row.received_at} />,
      text: (row) => chinaTime(row.received_at),
    },
    {
      key: 'id',
      title: t('notices.id'),
      render: (row) => <Id value={row.notice_id} isShort />,
      text: (row) => row.notice_id,
    },
    {
      key: 'trade',
      title: t('notices.trade'),
      render: (row) => <Id value={row.out_trade_no} />,
      text: (row) => row.out_trade_no,
    },
    {
      key: 'app',
      title: t('notices.app'),
      render: (row) => row.app_id ?? '—',
      text: (row) => row.app_id,
    },
    {
      key: 'state',
      title: t('notices.state'),
      render: (row) => <Tag tone={tone(row.state)}>{row.state}</Tag>,
      text: (row) => row.state,
    },
    {
      key: 'reason',
      title: t('notices.reason'),
      render: (row) => row.reason ?? '—',
      text: (row) => row.reason,
    },
    {
      key: 'replay',
      title: t('orders.action'),
      render: (row) => (
        <Button
          type="link"
          size="small"
          aria-label={`${t('notices.replay')} ${row.notice_id}`}
          loading={replay.isPending && replay.variables === row.notice_id}
          onClick={() => replay.mutate(row.notice_id)}
        >
          {t('notices.replay')}
        </Button>
      ),
    },
  ];
  return (
    <ListPage<NoticeRow>
      title={t('notices.title')}
      lead={t('notices.lead')}
      queryKey={['notices']}
      load={(query) => get('/api/operator/v1/notices', { query })}
      rowKey={(row) => row.notice_id}
      columns={columns}
      filters={filters}
      exports
      empty={{ title: t('notices.empty'), hint: t('notices.empty_hint') }}
    />
  );
}
