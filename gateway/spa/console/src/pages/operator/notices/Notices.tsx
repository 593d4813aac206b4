/** Alipay's notices: their merchants, their results, and a button for those that do not match. */

import { yuan } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { get, post, type Query } from '../../../api/client';
import { Id, Money, Tag, When } from '../../../parts/bits';
import type { Column } from '../../../parts/lists/columns';
import { fetchDays } from '../../../parts/lists/FilterBar';
import { type Filter, NUMBER } from '../../../parts/lists/filters';
import { ListPage } from '../../../parts/lists/ListPage';
import { useSay } from '../../../parts/say';
import { word } from '../../../parts/words';
import { useSession } from '../../../session/session';
import { useText } from '../../../texts';
import { merchantsOf } from '../figures';
import { NoticePanel, reasonText } from './NoticePanel';
import { canLookAgain, type Named, TONES } from './notices';

fetchDays();

const VERDICTS = ['RECEIVED', 'APPLIED', 'DUPLICATE', 'MISMATCH'];

async function load({ page: _, page_size, from, to, back, ...query }: Query) {
  const found = await get('/api/operator/v1/notices', {
    query: { ...query, before: back, limit: page_size, since: from, until: to },
  });
  const names = await merchantsOf(found.items.map((row) => row.merchant_id));
  return {
    ...found,
    items: found.items.map(
      (row): Named => ({ ...row, merchant_name: names.get(row.merchant_id)?.name ?? '—' }),
    ),
  };
}

function useReplay() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ merchant_id, app_id, notify_id }: Named) =>
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

function State({ row }: { row: Named }) {
  const { t } = useText();
  return (
    <>
      <Tag tone={TONES[row.verdict] ?? 'mute'}>{word(t, 'verdict', row.verdict)}</Tag>
      {row.reason ? (
        <div>
          <span className="soft whole">{reasonText(t, row.reason)}</span>
        </div>
      ) : null}
    </>
  );
}

function Acts({
  row,
  open,
  replay,
}: {
  row: Named;
  open: (row: Named) => void;
  replay: ReturnType<typeof useReplay>;
}) {
  const { t } = useText();
  const { can } = useSession();
  return (
    <span className="row">
      <Button
        type="link"
        size="small"
        aria-label={`${t('do.detail')} ${row.out_trade_no ?? row.notify_id}`}
        onClick={() => open(row)}
      >
        {t('do.detail')}
      </Button>
      {can('notices.replay') && canLookAgain(row) ? (
        <Button
          type="link"
          size="small"
          aria-label={`${t('notices.replay')} ${row.out_trade_no ?? row.notify_id}`}
          loading={replay.isPending && replay.variables?.notify_id === row.notify_id}
          onClick={() => replay.mutate(row)}
        >
          {t('notices.replay')}
        </Button>
      ) : null}
    </span>
  );
}

function useColumns(open: (row: Named) => void): Column<Named>[] {
  const { t } = useText();
  const replay = useReplay();
  return [
    {
      key: 'at',
      title: `${t('notices.at')} (${ZONE})`,
      render: (row) => <When at={row.received_at} isBare />,
      text: (row) => chinaTime(row.received_at),
    },
    {
      key: 'merchant',
      title: t('notices.merchant'),
      render: (row) => <span className="whole">{row.merchant_name}</span>,
      text: (row) => row.merchant_name,
    },
    {
      key: 'amount',
      title: t('notices.amount'),
      align: 'right',
      render: (row) => (row.total_fen === null ? '—' : <Money fen={row.total_fen} />),
      text: (row) => (row.total_fen === null ? '' : yuan(row.total_fen).replaceAll(',', '')),
    },
    {
      key: 'kind',
      title: t('notices.kind'),
      render: (row) => word(t, 'notice_kind', row.kind),
      text: (row) => word(t, 'notice_kind', row.kind),
    },
    {
      key: 'verdict',
      title: t('notices.state'),
      render: (row) => <State row={row} />,
      text: (row) => word(t, 'verdict', row.verdict),
    },
    {
      key: 'reason',
      title: t('notices.reason'),
      // Shown beside the state already; a column of its own in an export.
      isExtra: true,
      render: (row) => <span className="whole">{reasonText(t, row.reason)}</span>,
      text: (row) => reasonText(t, row.reason),
    },
    {
      key: 'trade',
      title: t('notices.trade'),
      render: (row) => <Id value={row.out_trade_no} label={t('notices.trade')} isShort />,
      text: (row) => row.out_trade_no,
    },
    {
      key: 'act',
      title: t('orders.action'),
      isAction: true,
      render: (row) => <Acts row={row} open={open} replay={replay} />,
    },
  ];
}

export default function Notices() {
  const { t } = useText();
  const navigate = useNavigate();
  const [shown, setShown] = useState<Named | null>(null);
  const columns = useColumns(setShown);
  const filters = useMemo<Filter[]>(
    () => [
      { name: 'out_trade_no', label: t('notices.trade'), kind: 'search', accepts: NUMBER },
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
  return (
    <>
      <ListPage<Named>
        title={t('notices.title')}
        lead={t('notices.lead')}
        queryKey={['notices']}
        load={load}
        rowKey={(row) => `${row.merchant_id}${row.notify_id}`}
        columns={columns}
        filters={filters}
        onOpen={setShown}
        actions={
          <Button onClick={() => navigate('/notices/refused')}>{t('notices.refused_page')}</Button>
        }
        empty={{ title: t('notices.empty'), hint: t('notices.empty_hint') }}
      />
      <NoticePanel row={shown} onClose={() => setShown(null)} />
    </>
  );
}
