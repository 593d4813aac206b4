/** S58–S60: the devices, their stores, and when each was last seen and last took a payment. */

import { money } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Popconfirm } from 'antd';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { get, patch, post, type Query } from '../../api/client';
import { type Device, DeviceLabel } from '../../lookups/DeviceLabel';
import { StoreSelect } from '../../lookups/StoreSelect';
import { Id, Money, Tag, When } from '../../parts/bits';
import { Dialog } from '../../parts/forms/Dialog';
import { NAME_MAX, useAtMost } from '../../parts/forms/useRequired';
import type { Column } from '../../parts/lists/columns';
import type { Filter } from '../../parts/lists/filters';
import { ListPage } from '../../parts/lists/ListPage';
import { useOpensAtOnce } from '../../parts/openNew';
import { useSay } from '../../parts/say';
import { tone, word } from '../../parts/words';
import { useSession } from '../../session/session';
import { type T, useText } from '../../texts';
import { HowTo } from './HowTo';
import { type LastPayment, lastPaidOf } from './lastPaid';
import { NewCode } from './NewCode';
import { OpenCodes } from './OpenCodes';
import { SILENT_24H, silentSince } from './silent';

type Row = Device & { last?: LastPayment | null | undefined };

/** It is stored to the minute, but a payment is known to the second. */
function seenAt({ last_seen_at, last }: Row) {
  const paidAt = last?.paid_at;
  if (!paidAt || !last_seen_at) return paidAt ?? last_seen_at;
  return Date.parse(paidAt) > Date.parse(last_seen_at) ? paidAt : last_seen_at;
}

/** A page of devices, each with its last payment: two services know one half each. */
async function load({ unseen, ...query }: Query, maySeeOrders: boolean) {
  const since = unseen ? { unseen_since: silentSince() } : {};
  const found = await get('/api/merchant/v1/devices', { query: { ...query, ...since } });
  const last = await lastPaidOf(maySeeOrders ? found.items.map((one) => one.device_id) : []);
  return { ...found, items: found.items.map((one) => ({ ...one, last: last(one.device_id) })) };
}

function ChangeDevice({ row }: { row: Row }) {
  const { t } = useText();
  const atMost = useAtMost();
  const called = row.name ?? row.sn;
  return (
    <Dialog<{ name?: string; store_id: string }, unknown>
      label={t('do.edit')}
      title={`${t('devices.edit')} · ${called}`}
      done={t('devices.changed')}
      button={{ type: 'link', size: 'small', 'aria-label': `${t('do.edit')} ${called}` }}
      initial={{ name: row.name ?? '', store_id: row.store_id }}
      save={({ name, store_id }) =>
        patch(
          '/api/merchant/v1/devices/{device_id}',
          { name: (name ?? '').trim(), store_id, version: row.version },
          { path: { device_id: row.device_id } },
        )
      }
      refresh={['devices']}
    >
      <Form.Item
        name="name"
        label={t('devices.name')}
        extra={t('devices.name_hint')}
        rules={[atMost(NAME_MAX)]}
      >
        <Input />
      </Form.Item>
      <Form.Item
        name="store_id"
        label={t('orders.store')}
        extra={t('devices.move_note')}
        rules={[{ required: true }]}
      >
        <StoreSelect />
      </Form.Item>
    </Dialog>
  );
}

function Revoke({ row }: { row: Row }) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: (device_id: string) =>
      post('/api/merchant/v1/devices/{device_id}/revoke', {}, { path: { device_id } }),
    onSuccess: async () => {
      say.done(t('devices.revoke_done'));
      await queries.invalidateQueries({ queryKey: ['devices'] });
    },
    onError: say.failed,
  });
  return (
    <Popconfirm
      placement="bottomRight"
      title={t('devices.revoke_sure')}
      okText={t('devices.revoke')}
      cancelText={t('do.cancel')}
      onConfirm={() => revoke.mutate(row.device_id)}
    >
      <Button type="link" danger size="small" aria-label={`${t('devices.revoke')} ${row.sn}`}>
        {t('devices.revoke')}
      </Button>
    </Popconfirm>
  );
}

/** The last payment and its time; a click opens the order. */
function LastPaid({ row, label = '' }: { row: Row; label?: string }) {
  const { t } = useText();
  if (row.last === null)
    return (
      <span className="soft">
        {label} {t('cockpit.unknown')}
      </span>
    );
  if (!row.last) return <When at={null} />;
  return (
    <Link to={`/orders/${row.last.order_no}`}>
      {label ? `${label} ` : ''}
      <Money fen={row.last.payable_fen} />
      <br />
      <span className="small">
        <When at={row.last.paid_at} isBare />
      </span>
    </Link>
  );
}

/** The actions of a device; a revoked one has none. */
function Acts({ row }: { row: Row }) {
  if (row.status !== 'active') return null;
  return (
    <span className="row">
      <ChangeDevice row={row} />
      <Revoke row={row} />
    </span>
  );
}

function Status({ row }: { row: Row }) {
  const { t } = useText();
  return <Tag tone={tone(row.status)}>{word(t, 'devices', row.status)}</Tag>;
}

const zoned = (name: string) => `${name} (${ZONE})`;

function lastPaid(t: T): Column<Row> {
  return {
    key: 'last',
    title: zoned(t('devices.last_payment')),
    render: (row) => <LastPaid row={row} />,
    text: (row) => {
      if (row.last === null) return t('cockpit.unknown');
      return row.last ? `${money(row.last.payable_fen)} ${chinaTime(row.last.paid_at)}` : '';
    },
  };
}

/** Its name and serial number, with its model below. */
function Which({ row }: { row: Row }) {
  const { t } = useText();
  return (
    <>
      {row.name || row.kind === 'test_cashier' ? (
        <DeviceLabel device={row} />
      ) : (
        <Id value={row.sn} label={t('devices.sn')} />
      )}
      {row.model ? <div className="soft small">{row.model}</div> : null}
    </>
  );
}

function columnsOf(t: T, maySeeOrders: boolean, mayWrite: boolean): Column<Row>[] {
  return [
    {
      key: 'sn',
      title: t('devices.sn'),
      render: (row) => <Which row={row} />,
      text: (row) => (row.name ? `${row.name} ${row.sn}` : row.sn),
    },
    {
      key: 'status',
      title: t('devices.status'),
      render: (row) => <Status row={row} />,
      text: (row) => word(t, 'devices', row.status),
    },
    {
      key: 'seen',
      title: zoned(t('devices.seen')),
      render: (row) => <When at={seenAt(row)} isBare />,
      text: (row) => chinaTime(seenAt(row) ?? ''),
    },
    ...(maySeeOrders ? [lastPaid(t)] : []),
    {
      key: 'store',
      title: t('orders.store'),
      render: (row) => <span className="whole">{row.store_name}</span>,
      text: (row) => row.store_name,
    },
    {
      key: 'model',
      title: t('devices.model'),
      isExtra: true,
      render: (row) => row.model ?? '—',
      text: (row) => row.model,
    },
    {
      key: 'enrolled',
      title: zoned(t('devices.enrolled')),
      isExtra: true,
      render: (row) => <When at={row.enrolled_at} isBare />,
      text: (row) => chinaTime(row.enrolled_at),
    },
    ...(mayWrite
      ? [
          {
            key: 'action',
            title: t('orders.action'),
            isAction: true,
            render: (row: Row) => <Acts row={row} />,
          },
        ]
      : []),
  ];
}

/** A device on a phone: its name and store, when it was last seen, and its last payment. */
function DeviceCard({ row, mayWrite }: { row: Row; mayWrite: boolean }) {
  const { t } = useText();
  return (
    <div className="stack">
      <div className="row">
        <DeviceLabel device={row} />
        <Status row={row} />
      </div>
      <span className="soft">
        {row.store_name}
        {row.model ? ` · ${row.model}` : ''}
      </span>
      <span>
        {t('devices.seen')} <When at={seenAt(row)} isBare />
      </span>
      {row.last !== undefined ? <LastPaid row={row} label={t('devices.last_payment')} /> : null}
      {mayWrite ? <Acts row={row} /> : null}
    </div>
  );
}

export default function Devices() {
  const { t } = useText();
  const { can } = useSession();
  const mayWrite = can('devices.write');
  const maySeeOrders = can('orders.read');
  const opensAtOnce = useOpensAtOnce();
  const filters = useMemo<Filter[]>(
    () => [
      { name: 'q', label: t('devices.find'), kind: 'search', placeholder: t('devices.find_hint') },
      {
        name: 'status',
        label: t('devices.status'),
        kind: 'select',
        options: ['active', 'revoked'].map((value) => ({
          value,
          label: word(t, 'devices', value),
        })),
      },
      {
        name: 'unseen',
        label: t('devices.seen'),
        kind: 'select',
        options: [{ value: SILENT_24H, label: t('devices.unseen_24h') }],
      },
    ],
    [t],
  );
  return (
    <ListPage<Row>
      title={t('devices.title')}
      lead={t('devices.lead')}
      queryKey={['devices']}
      load={(query) => load(query, maySeeOrders)}
      rowKey={(row) => row.device_id}
      columns={columnsOf(t, maySeeOrders, mayWrite)}
      card={(row) => <DeviceCard row={row} mayWrite={mayWrite} />}
      filters={filters}
      exports
      actions={mayWrite ? <NewCode opensAtOnce={opensAtOnce} /> : null}
      above={
        mayWrite ? (
          <>
            <HowTo />
            <OpenCodes />
          </>
        ) : null
      }
      empty={{
        title: t('devices.empty'),
        hint: t(mayWrite ? 'devices.empty_hint' : 'devices.empty_hint_read'),
        action: mayWrite ? <NewCode /> : null,
      }}
    />
  );
}
