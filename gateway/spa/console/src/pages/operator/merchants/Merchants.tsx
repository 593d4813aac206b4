/** The operator's merchants: setup, sales, last payment, and state of each. */
import { money, yuan } from '@shared/money';
import { chinaTime } from '@shared/time';
import { useMemo } from 'react';
import { Link, useNavigate } from 'react-router';
import { get, type Query } from '../../../api/client';
import type { Merchant, MerchantFigures } from '../../../api/shapes';
import { Tag } from '../../../parts/bits';
import type { Column } from '../../../parts/lists/columns';
import type { Filter } from '../../../parts/lists/filters';
import { ListPage } from '../../../parts/lists/ListPage';
import { useSession } from '../../../session/session';
import { useText } from '../../../texts';
import { figuresOf } from '../figures';
import { LastPaid } from './LastPaid';
import { NewMerchant } from './NewMerchant';
import { Progress, progressText, Suspended } from './Progress';

type Row = Merchant & { figures: MerchantFigures | undefined };

async function load(query: Query) {
  const page = await get('/api/operator/v1/merchants', { query });
  const figures = await figuresOf(page.items.map((row) => row.merchant_id));
  return {
    ...page,
    items: page.items.map((row): Row => ({ ...row, figures: figures.get(row.merchant_id) })),
  };
}

function Name({ row }: { row: Row }) {
  const { t } = useText();
  return (
    <div className="who">
      <Link to={`/merchants/${row.merchant_id}`}>
        <strong>{row.name}</strong>
      </Link>
      <div className="row">
        <span className="mono soft" data-verbatim>
          @{row.handle}
        </span>
        {row.namesakes > 0 ? (
          <Tag tone="warn">{t('cockpit.namesakes', { count: row.namesakes })}</Tag>
        ) : null}
      </div>
    </div>
  );
}

function Today({ figures }: { figures: MerchantFigures | undefined }) {
  const { t } = useText();
  if (!figures) return <span className="soft">{t('cockpit.unknown')}</span>;
  return (
    <>
      <div className="nowrap">{money(figures.paid_fen)}</div>
      <div className="soft small nowrap">{t('cockpit.count', { count: figures.count })}</div>
    </>
  );
}

function useColumns(): Column<Row>[] {
  const { t, language } = useText();
  return [
    {
      key: 'name',
      title: t('merchant.name'),
      render: (row) => <Name row={row} />,
      text: (row) => row.name,
    },
    {
      key: 'progress',
      title: t('cockpit.progress'),
      render: (row) =>
        row.suspended_at ? (
          <Suspended at={row.suspended_at} />
        ) : (
          <Progress progress={row.progress} />
        ),
      text: (row) => (row.suspended_at ? t('cockpit.suspended') : progressText(t, language, row)),
    },
    {
      key: 'today',
      title: t('cockpit.today'),
      align: 'right',
      render: (row) => <Today figures={row.figures} />,
      text: (row) => (row.figures ? yuan(row.figures.paid_fen).replaceAll(',', '') : ''),
    },
    {
      key: 'last',
      title: t('cockpit.last'),
      render: (row) => <LastPaid figures={row.figures} />,
      text: (row) => (row.figures?.last_paid_at ? chinaTime(row.figures.last_paid_at) : ''),
    },
  ];
}

export default function Merchants() {
  const { t } = useText();
  const navigate = useNavigate();
  const { can } = useSession();
  const columns = useColumns();
  const filters = useMemo<Filter[]>(
    () => [
      { name: 'q', label: t('cockpit.search'), kind: 'search' },
      {
        name: 'suspended',
        label: t('cockpit.state'),
        kind: 'select',
        options: [
          { value: 'no', label: t('cockpit.open') },
          { value: 'yes', label: t('cockpit.suspended') },
        ],
      },
    ],
    [t],
  );
  const add = can('merchants.write') ? <NewMerchant /> : null;
  return (
    <ListPage<Row>
      title={t('merchants.title')}
      lead={t('merchants.lead')}
      queryKey={['merchants']}
      load={load}
      rowKey={(row) => row.merchant_id}
      columns={columns}
      filters={filters}
      onOpen={(row) => navigate(`/merchants/${row.merchant_id}`)}
      exports
      actions={add}
      empty={{ title: t('merchants.empty'), hint: t('merchants.empty_hint'), action: add }}
    />
  );
}
