/** The merchant's own record: name, edition (S38), support contact (S119), second approver. */
import { Form, Input, Switch } from 'antd';
import { get, patch } from '../../api/client';
import type { Merchant as Shape } from '../../api/pending';
import { Id, When } from '../../parts/bits';
import { useRequired } from '../../parts/useRequired';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { SettingsForm } from './SettingsForm';

interface Entry {
  name: string;
  support_contact?: string;
  dual_control?: boolean;
}

export default function Merchant() {
  const { t } = useText();
  const { can } = useSession();
  const required = useRequired();
  return (
    <SettingsForm<Shape, Entry>
      title={t('merchant.title')}
      lead={t('merchant.lead')}
      queryKey="merchant"
      load={() => get('/api/merchant/v1/merchant')}
      initial={({ name, support_contact, dual_control }) => ({
        name,
        support_contact: support_contact ?? '',
        dual_control: dual_control ?? false,
      })}
      save={(values, shape) =>
        patch('/api/merchant/v1/merchant', { ...values, version: shape.version ?? 0 })
      }
      mayWrite={can('merchant.write')}
    >
      {(shape) => (
        <>
          <Form.Item label={t('merchant.id')}>
            <Id value={shape.merchant_id} label={t('merchant.id')} />
          </Form.Item>
          <Form.Item label={t('merchants.created')}>
            <When at={shape.created_at} />
          </Form.Item>
          {shape.edition ? (
            <Form.Item label={t('merchant.edition')}>{word(t, 'edition', shape.edition)}</Form.Item>
          ) : null}
          <Form.Item name="name" label={t('merchant.name')} rules={required(t('merchant.name'))}>
            <Input maxLength={64} />
          </Form.Item>
          <Form.Item name="support_contact" label={t('merchant.support')}>
            <Input maxLength={128} />
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
      )}
    </SettingsForm>
  );
}
