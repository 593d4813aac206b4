/** A store's name, and a new store: used by the stores' page and by a row of the setup wizard. */
import { Form, Input } from 'antd';
import { post } from '../../api/client';
import { useText } from '../../texts';
import { Dialog } from './Dialog';
import { NAME_MAX, useRequired } from './useRequired';

export type Named = { name: string };

export function NameField() {
  const { t } = useText();
  const required = useRequired();
  return (
    <Form.Item name="name" label={t('stores.name')} rules={required(t('stores.name'), NAME_MAX)}>
      <Input />
    </Form.Item>
  );
}

export function NewStore({ opensAtOnce = false }: { opensAtOnce?: boolean }) {
  const { t } = useText();
  return (
    <Dialog<Named, unknown>
      label={t('stores.new')}
      done={t('stores.made')}
      opensAtOnce={opensAtOnce}
      button={{ type: 'primary' }}
      save={({ name }) => post('/api/merchant/v1/stores', { name: name.trim() })}
      refresh={['stores', 'onboarding']}
    >
      <NameField />
    </Dialog>
  );
}
