/** What Alipay told us, what became of it, and a button for those that failed. */

import { yuan } from '@shared/money';
import { chinaTime } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useMemo } from 'react';
import { get, post, type Query } from '../../api/client';
import type { NoticeRow } from '../../api/shapes';
import { Id, Money, Tag, type Tone, When } from '../../parts/bits';
import type { Filter } from '../../parts/filters';
import { type Column, ListPage } from '../../parts/ListPage';
import { useSay } from '../../parts/say';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

const VERDICTS = ['RECEIVED', 'APPLIED', 'DUPLICATE', 'MISMATCH'];
const TONES: Record<string, Tone> = { RECEIVED: 'run', APPLIED: 'ok', MISMATCH: 'bad' };

function load({ page: _, page_size, from, to, ...query }: Query) {
  return get('/api/operator/v1/notices', {
    query: { ...query, limit: page_size, since: from, until: to },
  });
}

function useReplay() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ merchant_id, app_id, notify_id }: NoticeRow) =>
      post(
        '/api/operator/v1/notices/{merchant_id}/{app_id}/{notify_id}/replay',
        {},
        { path: { merchant_id, app_id, notify_id } },
      ),
    onSuccess: async () => {
      say.done(t('notices.replayed'));
      await queries.invalidateQueries({ queryKey: ['notices'] });
    },
    onError: say.failed,
  });
}

export default function Notices() {
  const { t } = useText();
  const { can } = useSession();
  const replay = useReplay();
  const filters = useMemo<Filter[]>(
    () => [
      { name: 'out_trade_no', label: t('notices.trade'), kind: 'search' },
      {
        name: 'verdict',
        label: t('notices.state'),
        kind: 'select',
        options: VERDICTS.map((value) => ({ value, label: word(t, 'verdict', value) })),
      },
      { name: 'from', label: t('audit.from'), kind: 'day-from' },
      { name: 'to', label: t('audit.to'), kind: 'day-to' },
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
      render: (row) => <Id value={row.notify_id} label={t('notices.id')} isShort />,
      text: (row) => row.notify_id,
    },
    {
      key: 'trade',
      title: t('notices.trade'),
      render: (row) => <Id value={row.out_trade_no} label={t('notices.trade')} isShort />,
      text: (row) => row.out_trade_no,
    },
    {
      key: 'amount',
      title: t('notices.amount'),
      align: 'right',
      render: (row) => (row.total_fen === null ? '—' : <Money fen={row.total_fen} />),
      text: (row) => (row.total_fen === null ? '' : yuan(row.total_fen).replaceAll(',', '')),
    },
    { key: 'app', title: t('notices.app'), render: (row) => row.app_id, text: (row) => row.app_id },
    {
      key: 'verdict',
      title: t('notices.state'),
      render: (row) => (
        <Tag tone={TONES[row.verdict] ?? 'mute'}>{word(t, 'verdict', row.verdict)}</Tag>
      ),
      text: (row) => word(t, 'verdict', row.verdict),
    },
    {
      key: 'reason',
      title: t('notices.reason'),
      render: (row) => row.reason ?? '—',
      text: (row) => row.reason,
    },
    {
      key: 'deliveries',
      title: t('notices.deliveries'),
      align: 'right',
      render: (row) => row.deliveries,
      text: (row) => row.deliveries,
    },
  ];
  if (can('notices.replay')) {
    columns.push({
      key: 'replay',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <Button
          type="link"
          size="small"
          aria-label={`${t('notices.replay')} ${row.notify_id}`}
          loading={replay.isPending && replay.variables?.notify_id === row.notify_id}
          onClick={() => replay.mutate(row)}
        >
          {t('notices.replay')}
        </Button>
      ),
    });
  }
  return (
    <ListPage<NoticeRow>
      title={t('notices.title')}
      lead={t('notices.lead')}
      queryKey={['notices']}
      load={load}
      rowKey={(row) => `${row.merchant_id}${row.notify_id}`}
      columns={columns}
      filters={filters}
      empty={{ title: t('notices.empty'), hint: t('notices.empty_hint') }}
    />
  );
}
