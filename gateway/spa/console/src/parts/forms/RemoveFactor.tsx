/** Beside a one-time link: whether the second factor is removed, for a person who lost it. */
import { Form, Switch } from 'antd';
import { useText } from '../../texts';

export function RemoveFactorField() {
  const { t } = useText();
  return (
    <Form.Item
      name="remove_second_factor"
      label={t('staff.remove_factor')}
      extra={t('staff.remove_factor_hint')}
      valuePropName="checked"
    >
      <Switch />
    </Form.Item>
  );
}
