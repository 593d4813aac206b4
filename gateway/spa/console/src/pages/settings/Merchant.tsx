/** The merchant's own record: name, edition (S38), support contact (S119), second approver. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Select, Switch } from 'antd';
import { get, patch, remove } from '../../api/client';
import type { MerchantChange, OwnMerchant } from '../../api/shapes';
import { Id, When } from '../../parts/bits';
import { CopyId } from '../../parts/CopyId';
import { SettingsForm } from '../../parts/forms/SettingsForm';
import { NAME_MAX, useAtMost, useRequired } from '../../parts/forms/useRequired';
import { useSay } from '../../parts/say';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

type Entry = Omit<MerchantChange, 'version'>;

/** Only the changed values: only the switch of the second approver needs a step-up. */
function changed(values: Entry, shape: OwnMerchant): Entry {
  const names = Object.keys(values) as (keyof Entry)[];
  return Object.fromEntries(
    names.filter((name) => values[name] !== shape[name]).map((name) => [name, values[name]]),
  );
}

/** Operators who act for this merchant now; an owner can end that. */
function Operators({ shape }: { shape: OwnMerchant }) {
  const { t } = useText();
  const say = useSay();
  const { can } = useSession();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: (acting_id: string) =>
      remove('/api/merchant/v1/acting/{acting_id}', { path: { acting_id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['merchant'] }),
    onError: say.failed,
  });
  if (shape.operators_acting.length === 0) return null;
  return (
    <Form.Item label={t('acting.now')}>
      {shape.operators_acting.map((one) => (
        <div className="row" key={one.acting_id}>
          <span>
            {one.operator_name} · {one.reason}
          </span>
          <When at={one.until} />
          {can('acting.end') ? (
            <Button size="small" htmlType="button" onClick={() => end.mutate(one.acting_id)}>
              {t('acting.send_away')}
            </Button>
          ) : null}
        </div>
      ))}
    </Form.Item>
  );
}

const CONTACT_MAX = 128;
const EDITIONS = ['flagship', 'face_pay'] as const;

function Fields({ shape }: { shape: OwnMerchant }) {
  const { t } = useText();
  const required = useRequired();
  const atMost = useAtMost();
  return (
    <>
      <Form.Item label={t('merchant.id')}>
        <CopyId value={shape.merchant_id} label={t('merchant.id')} />
      </Form.Item>
      <Form.Item
        label={t('merchant.handle')}
        extra={t('merchant.handle_note', { handle: shape.handle })}
      >
        <Id value={shape.handle} label={t('merchant.handle')} />
      </Form.Item>
      <Form.Item label={t('merchants.created')}>
        <When at={shape.created_at} />
      </Form.Item>
      <Operators shape={shape} />
      <Form.Item
        name="name"
        label={t('merchant.name')}
        rules={required(t('merchant.name'), NAME_MAX)}
      >
        <Input />
      </Form.Item>
      <Form.Item name="edition" label={t('merchant.edition')}>
        <Select options={EDITIONS.map((value) => ({ value, label: word(t, 'edition', value) }))} />
      </Form.Item>
      <Form.Item
        name="support_contact"
        label={t('merchant.support')}
        extra={t('merchant.support_hint')}
        rules={[atMost(CONTACT_MAX)]}
      >
        <Input />
      </Form.Item>
      <Form.Item
        name="dual_control"
        label={t('merchant.dual')}
        extra={t('merchant.dual_hint')}
        valuePropName="checked"
      >
        <Switch />
      </Form.Item>
    </>
  );
}

export default function Merchant() {
  const { t } = useText();
  const { can } = useSession();
  return (
    <SettingsForm<OwnMerchant, Entry>
      title={t('merchant.title')}
      lead={t('merchant.lead')}
      queryKey="merchant"
      load={() => get('/api/merchant/v1/merchant')}
      initial={({ name, edition, support_contact, dual_control }) => ({
        name,
        edition: edition as (typeof EDITIONS)[number],
        support_contact,
        dual_control,
      })}
      save={(values, shape) =>
        patch('/api/merchant/v1/merchant', { ...changed(values, shape), version: shape.version })
      }
      mayWrite={can('merchant.write')}
    >
      {(shape) => <Fields shape={shape} />}
    </SettingsForm>
  );
}
