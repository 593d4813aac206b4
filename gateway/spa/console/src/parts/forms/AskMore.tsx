/** An operator requests more permissions than look and help at one merchant, with reason and
 * duration. */
import { Alert, type ButtonProps, Form, Select } from 'antd';
import { post } from '../../api/client';
import type { GrantRequest } from '../../api/shapes';
import { useText } from '../../texts';
import { useDuration } from '../grants';
import { word } from '../words';
import { Dialog } from './Dialog';
import { ReasonField } from './Reason';
import { useChosen } from './useRequired';

type Entry = Omit<GrantRequest, 'merchant_id'>;

const SETS = ['setup'] as const;
const MINUTES = [30, 60, 120, 240, 480];

export function AskMore({
  merchantId,
  merchantName,
  button = {},
}: {
  merchantId: string;
  merchantName: string;
  button?: ButtonProps;
}) {
  const { t } = useText();
  const chosen = useChosen();
  const duration = useDuration();
  return (
    <Dialog<Entry, unknown>
      label={t('grant.ask')}
      title={t('grant.ask_title', { merchant: merchantName })}
      button={button}
      done={t('grant.sent')}
      okText={t('grant.send')}
      initial={{ permission_set: 'setup', minutes: 60 }}
      save={(values) =>
        post('/api/operator/v1/acting/grants', {
          ...values,
          reason: values.reason.trim(),
          merchant_id: merchantId,
        })
      }
      refresh={['grants']}
    >
      <Form.Item>
        <Alert type="info" showIcon title={t('grant.ask_note')} />
      </Form.Item>
      <Form.Item name="permission_set" label={t('grant.what')} rules={chosen(t('grant.what'))}>
        <Select options={SETS.map((value) => ({ value, label: word(t, 'grant_set', value) }))} />
      </Form.Item>
      <ReasonField />
      <Form.Item name="minutes" label={t('grant.minutes')} rules={chosen(t('grant.minutes'))}>
        <Select options={MINUTES.map((value) => ({ value, label: duration(value) }))} />
      </Form.Item>
    </Dialog>
  );
}
