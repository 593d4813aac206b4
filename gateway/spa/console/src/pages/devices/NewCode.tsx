/** An enrolment code for one device, shown once, as text and as a picture. */
import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Modal, QRCode, Select } from 'antd';
import { useEffect, useState } from 'react';
import { post } from '../../api/client';
import type { device } from '../../api/generated';
import { CopyButton } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useStores } from '../../shell/stores';
import { useText } from '../../texts';
import { SandboxCommand } from './HowTo';
import { useOpenCodes } from './OpenCodes';

type Code = device.components['schemas']['CodeOut'];

/** Says when the code was used: the person at the device need not come back and reload. */
function Waiting({ code }: { code: Code }) {
  const { t } = useText();
  const queries = useQueryClient();
  const codes = useOpenCodes(true);
  const isOpen = codes.data?.items.some((one) => one.code_id === code.code_id) ?? true;
  const isOver = !isOpen && Date.parse(code.expires_at) <= Date.now();
  useEffect(() => {
    if (!isOpen) void queries.invalidateQueries({ queryKey: ['devices'] });
  }, [isOpen, queries]);
  if (isOpen) return <p className="soft">{t('devices.code_waiting')}</p>;
  return (
    <Alert
      type={isOver ? 'warning' : 'success'}
      showIcon
      title={t(isOver ? 'devices.code_over' : 'devices.code_done')}
    />
  );
}

function Made({ code }: { code: Code }) {
  const { t } = useText();
  return (
    <div className="stack">
      <p className="figure mono" data-verbatim>
        {code.code} <CopyButton text={code.code} />
      </p>
      <p className="soft">
        {t('devices.code_shown', { until: `${chinaTime(code.expires_at)} ${ZONE}` })}
      </p>
      <div className="qr" aria-hidden="true">
        <QRCode value={code.code} type="svg" bordered={false} color="#16211f" bgColor="#fff" />
      </div>
      <SandboxCommand />
      <div aria-live="polite">
        <Waiting code={code} />
      </div>
    </div>
  );
}

export function NewCode() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { stores, storeId } = useStores();
  const [isOpen, setOpen] = useState(false);
  const make = useMutation({
    mutationFn: (store_id: string) => post('/api/merchant/v1/devices/codes', { store_id }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['device-codes'] }),
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
          <Made code={make.data} />
        ) : (
          <Form
            layout="vertical"
            initialValues={{ store_id: storeId ?? stores[0]?.store_id }}
            onFinish={({ store_id }: { store_id: string }) => make.mutate(store_id)}
          >
            <Form.Item name="store_id" label={t('devices.code_for')} rules={[{ required: true }]}>
              <Select
                showSearch={{ optionFilterProp: 'label' }}
                options={stores.map((one) => ({ value: one.store_id, label: one.name }))}
              />
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
