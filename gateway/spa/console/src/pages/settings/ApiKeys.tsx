/** API keys for points of sale: the secret is shown once, right after the key was made. */

import { chinaTime } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Popconfirm } from 'antd';
import { get, post, remove } from '../../api/client';
import type { ApiKeyRow, NewApiKey } from '../../api/shapes';
import { StoreSelect } from '../../lookups/StoreSelect';
import { useStores } from '../../lookups/stores';
import { Facts, Id, Tag, When } from '../../parts/bits';
import { Dialog } from '../../parts/forms/Dialog';
import { NAME_MAX, useRequired } from '../../parts/forms/useRequired';
import type { Column } from '../../parts/lists/columns';
import { ListPage } from '../../parts/lists/ListPage';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { type T, useText } from '../../texts';
import { ApiHowTo } from './ApiHowTo';

function Shown({ made }: { made: NewApiKey }) {
  const { t } = useText();
  return (
    <div className="stack">
      <Alert type="warning" showIcon title={t('keys_api.once')} />
      <Facts
        rows={[
          [t('keys_api.id'), <Id key="id" value={made.key_id} label={t('keys_api.id')} />],
          [
            t('keys_api.secret'),
            <Id key="secret" value={made.secret} label={t('keys_api.secret')} />,
          ],
        ]}
      />
      <p className="soft">{t('keys_api.how_see')}</p>
    </div>
  );
}

function NewKey() {
  const { t } = useText();
  const required = useRequired();
  return (
    <Dialog<{ name: string; store_id: string }, NewApiKey>
      label={t('keys_api.new')}
      button={{ type: 'primary' }}
      initial={{ store_id: '' }}
      save={({ name, store_id }) =>
        post('/api/merchant/v1/api-keys', { name: name.trim(), store_id: store_id || null })
      }
      refresh={['api-keys']}
      after={{
        title: (made) => t('keys_api.made', { name: made.name }),
        shown: (made) => <Shown made={made} />,
      }}
    >
      <Form.Item
        name="name"
        label={t('keys_api.name')}
        rules={required(t('keys_api.name'), NAME_MAX)}
      >
        <Input />
      </Form.Item>
      <Form.Item name="store_id" label={t('keys_api.store')}>
        <StoreSelect options={[{ value: '', label: t('app.all_stores') }]} />
      </Form.Item>
    </Dialog>
  );
}

function DeleteKey({ row }: { row: ApiKeyRow }) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: (key_id: string) =>
      remove('/api/merchant/v1/api-keys/{key_id}', { path: { key_id } }),
    onSuccess: async () => {
      say.done(t('keys_api.deleted'));
      await queries.invalidateQueries({ queryKey: ['api-keys'] });
    },
    onError: say.failed,
  });
  return (
    <Popconfirm
      placement="bottomRight"
      title={t('keys_api.delete_sure')}
      okText={t('keys_api.delete')}
      cancelText={t('do.cancel')}
      onConfirm={() => end.mutate(row.key_id)}
    >
      <Button type="link" danger size="small" aria-label={`${t('keys_api.delete')} ${row.name}`}>
        {t('keys_api.delete')}
      </Button>
    </Popconfirm>
  );
}

function columnsOf(t: T, storeOf: (row: ApiKeyRow) => string): Column<ApiKeyRow>[] {
  return [
    {
      key: 'name',
      title: t('keys_api.name'),
      render: (row) => <strong className="whole">{row.name}</strong>,
      text: (row) => row.name,
    },
    {
      key: 'id',
      title: t('keys_api.id'),
      render: (row) => <Id value={row.key_id} label={t('keys_api.id')} />,
      text: (row) => row.key_id,
    },
    {
      key: 'store',
      title: t('keys_api.store'),
      render: storeOf,
      text: storeOf,
    },
    {
      key: 'created',
      title: t('keys_api.created'),
      render: (row) => <When at={row.created_at} />,
      text: (row) => chinaTime(row.created_at),
    },
    {
      key: 'used',
      title: t('keys_api.used'),
      render: (row) =>
        row.last_used_at ? (
          <When at={row.last_used_at} />
        ) : (
          <span className="soft">{t('keys_api.never_used')}</span>
        ),
      text: (row) => (row.last_used_at ? chinaTime(row.last_used_at) : t('keys_api.never_used')),
    },
    {
      key: 'state',
      title: t('staff.state'),
      render: (row) => (
        <Tag tone={row.revoked_at ? 'mute' : 'ok'}>
          {t(row.revoked_at ? 'staff.disabled' : 'staff.enabled')}
        </Tag>
      ),
      text: (row) => t(row.revoked_at ? 'staff.disabled' : 'staff.enabled'),
    },
  ];
}

export default function ApiKeys() {
  const { t } = useText();
  const { can, session } = useSession();
  const { stores } = useStores();
  const mayWrite = can('api_keys.write') && !session.acting;
  const storeOf = (row: ApiKeyRow) =>
    row.store_id
      ? (stores.find((one) => one.store_id === row.store_id)?.name ?? t('word.other'))
      : t('app.all_stores');
  const columns = columnsOf(t, storeOf);
  if (mayWrite) {
    columns.push({
      key: 'delete',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (row.revoked_at ? null : <DeleteKey row={row} />),
    });
  }
  return (
    <ListPage<ApiKeyRow>
      title={t('keys_api.title')}
      lead={t('keys_api.lead')}
      queryKey={['api-keys']}
      load={(query) => get('/api/merchant/v1/api-keys', { query })}
      rowKey={(row) => row.key_id}
      columns={columns}
      exports
      actions={mayWrite ? <NewKey /> : null}
      above={<ApiHowTo />}
      empty={{
        title: t('keys_api.empty'),
        hint: t('keys_api.empty_hint'),
        action: mayWrite ? <NewKey /> : null,
      }}
    />
  );
}
