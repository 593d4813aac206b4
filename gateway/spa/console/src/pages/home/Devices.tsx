/** Devices: which are enrolled, when they were last seen; new codes, and the way out. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Modal, Popconfirm, QRCode, Select } from 'antd';
import { useState } from 'react';
import { get, post } from '../../api/client';
import type { device } from '../../api/generated';
import { CopyButton, Id, Tag, When } from '../../parts/bits';
import { type Column, ListPage } from '../../parts/ListPage';
import { useSay } from '../../parts/say';
import { tone, word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useStores } from '../../shell/stores';
import { useText } from '../../texts';

type Device = device.components['schemas']['DeviceOut'];

function NewCode() {
  const { t } = useText();
  const say = useSay();
  const { stores, storeId } = useStores();
  const [isOpen, setOpen] = useState(false);
  const make = useMutation({
    mutationFn: (store_id: string) => post('/api/merchant/v1/devices/codes', { store_id }),
    onError: say.failed,
  });
  const close = () => {
    setOpen(false);
    make.reset();
  };
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {t('devices.code')}
      </Button>
      <Modal open={isOpen} title={t('devices.code')} footer={null} onCancel={close} destroyOnHidden>
        {make.data ? (
          <div className="stack">
            <p className="figure mono">
              {make.data.code} <CopyButton text={make.data.code} />
            </p>
            <p className="soft">
              {t('devices.code_shown', { until: `${chinaTime(make.data.expires_at)} ${ZONE}` })}
            </p>
            <div className="qr">
              <QRCode
                value={make.data.code}
                type="svg"
                bordered={false}
                color="#16211f"
                bgColor="#fff"
              />
            </div>
          </div>
        ) : (
          <Form
            layout="vertical"
            initialValues={{ store_id: storeId ?? stores[0]?.store_id }}
            onFinish={({ store_id }: { store_id: string }) => make.mutate(store_id)}
          >
            <Form.Item name="store_id" label={t('devices.code_for')} rules={[{ required: true }]}>
              <Select options={stores.map((one) => ({ value: one.store_id, label: one.name }))} />
            </Form.Item>
            <Button type="primary" htmlType="submit" loading={make.isPending}>
              {t('devices.code')}
            </Button>
          </Form>
        )}
      </Modal>
    </>
  );
}

export default function Devices() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { can } = useSession();
  const revoke = useMutation({
    mutationFn: (device_id: string) =>
      post('/api/merchant/v1/devices/{device_id}/revoke', undefined as never, {
        path: { device_id },
      }),
    onSuccess: async () => {
      say.done();
      await queries.invalidateQueries({ queryKey: ['devices'] });
    },
    onError: say.failed,
  });
  const columns: Column<Device>[] = [
    {
      key: 'sn',
      title: t('devices.sn'),
      render: (row) => <Id value={row.sn} label={t('devices.sn')} />,
      text: (row) => row.sn,
    },
    {
      key: 'model',
      title: t('devices.model'),
      render: (row) => row.model ?? '—',
      text: (row) => row.model,
    },
    {
      key: 'store',
      title: t('orders.store'),
      render: (row) => row.store_name,
      text: (row) => row.store_name,
    },
    {
      key: 'status',
      title: t('devices.status'),
      render: (row) => <Tag tone={tone(row.status)}>{word(t, 'devices', row.status)}</Tag>,
      text: (row) => word(t, 'devices', row.status),
    },
    {
      key: 'seen',
      title: t('devices.seen'),
      render: (row) => <When at={row.last_seen_at} />,
      text: (row) => (row.last_seen_at ? chinaTime(row.last_seen_at) : ''),
    },
    {
      key: 'enrolled',
      title: t('devices.enrolled'),
      render: (row) => <When at={row.enrolled_at} />,
      text: (row) => chinaTime(row.enrolled_at),
    },
  ];
  if (can('devices.write')) {
    columns.push({
      key: 'action',
      title: t('orders.action'),
      isAction: true,
      render: (row) =>
        row.status === 'active' ? (
          <Popconfirm
            title={t('devices.revoke_sure')}
            okText={t('devices.revoke')}
            cancelText={t('do.cancel')}
            onConfirm={() => revoke.mutate(row.device_id)}
          >
            <Button type="link" danger size="small" aria-label={`${t('devices.revoke')} ${row.sn}`}>
              {t('devices.revoke')}
            </Button>
          </Popconfirm>
        ) : (
          '—'
        ),
    });
  }
  return (
    <ListPage<Device>
      title={t('devices.title')}
      lead={t('devices.lead')}
      queryKey={['devices']}
      load={(query) => get('/api/merchant/v1/devices', { query })}
      rowKey={(row) => row.device_id}
      columns={columns}
      exports
      actions={can('devices.write') ? <NewCode /> : null}
      empty={{
        title: t('devices.empty'),
        hint: t('devices.empty_hint'),
        action: can('devices.write') ? <NewCode /> : null,
      }}
    />
  );
}
