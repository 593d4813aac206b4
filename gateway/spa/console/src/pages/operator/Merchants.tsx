/** The operator's merchants: list, make one, open one. */
import { chinaTime } from '@shared/time';
import { Button, Form, Input } from 'antd';
import { useNavigate } from 'react-router';
import { get, post } from '../../api/client';
import type { NewMerchant as Made, Merchant } from '../../api/shapes';
import { Id, When } from '../../parts/bits';
import { Dialog } from '../../parts/Dialog';
import { LinkShown } from '../../parts/LinkShown';
import { type Column, ListPage } from '../../parts/ListPage';
import { useRequired } from '../../parts/useRequired';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

type Entry = { name: string; login: string; handle?: string };

/** What the logins of the merchant's people will end with; left empty, one is made. */
function HandleField() {
  const { t } = useText();
  const handle: string = Form.useWatch('handle') ?? '';
  return (
    <Form.Item
      name="handle"
      label={t('merchant.handle')}
      extra={t('merchants.handle_hint', { handle: handle || '…' })}
      normalize={(typed: string) => typed.toLowerCase()}
      rules={[
        {
          pattern: /^(?=.{3,20}$)[a-z0-9]+(-[a-z0-9]+)*$/,
          message: t('merchants.handle_rule'),
        },
      ]}
    >
      <Input
        className="mono"
        autoComplete="off"
        maxLength={20}
        placeholder={t('merchants.handle_made')}
      />
    </Form.Item>
  );
}

function NewMerchant() {
  const { t } = useText();
  const required = useRequired();
  return (
    <Dialog<Entry, Made>
      label={t('merchants.new')}
      button={{ type: 'primary' }}
      save={({ name, login, handle }) =>
        post('/api/operator/v1/merchants', { name, login, ...(handle ? { handle } : {}) })
      }
      refresh={['merchants']}
      after={(made) => <LinkShown login={made.owner.login} link={made.link} handle={made.handle} />}
    >
      <Form.Item name="name" label={t('merchant.name')} rules={required(t('merchant.name'))}>
        <Input maxLength={64} />
      </Form.Item>
      <Form.Item
        name="login"
        label={t('merchants.owner_login')}
        rules={required(t('merchants.owner_login'))}
      >
        <Input autoComplete="off" minLength={3} maxLength={64} />
      </Form.Item>
      <HandleField />
      <p className="soft">{t('link.after')}</p>
    </Dialog>
  );
}

export default function Merchants() {
  const { t } = useText();
  const navigate = useNavigate();
  const { can } = useSession();
  const open = (row: Merchant) => navigate(`/merchants/${row.merchant_id}`);
  const columns: Column<Merchant>[] = [
    {
      key: 'name',
      title: t('merchant.name'),
      render: (row) => <strong>{row.name}</strong>,
      text: (row) => row.name,
    },
    {
      key: 'id',
      title: t('merchant.id'),
      render: (row) => <Id value={row.merchant_id} label={t('merchant.id')} isShort />,
      text: (row) => row.merchant_id,
    },
    {
      key: 'handle',
      title: t('merchant.handle'),
      render: (row) => <span className="mono">{row.handle}</span>,
      text: (row) => row.handle,
    },
    {
      key: 'edition',
      title: t('merchant.edition'),
      render: (row) => word(t, 'edition', row.edition),
      text: (row) => word(t, 'edition', row.edition),
    },
    {
      key: 'created',
      title: t('merchants.created'),
      render: (row) => <When at={row.created_at} />,
      text: (row) => chinaTime(row.created_at),
    },
    {
      key: 'open',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <Button
          type="link"
          size="small"
          aria-label={`${t('do.detail')} ${row.name}`}
          onClick={() => open(row)}
        >
          {t('do.detail')}
        </Button>
      ),
    },
  ];
  const add = can('merchants.write') ? <NewMerchant /> : null;
  return (
    <ListPage<Merchant>
      title={t('merchants.title')}
      lead={t('merchants.lead')}
      queryKey={['merchants']}
      load={(query) => get('/api/operator/v1/merchants', { query })}
      rowKey={(row) => row.merchant_id}
      columns={columns}
      onOpen={open}
      exports
      actions={add}
      empty={{ title: t('merchants.empty'), hint: t('merchants.empty_hint'), action: add }}
    />
  );
}
