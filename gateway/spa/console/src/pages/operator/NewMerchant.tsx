/** A new merchant and its owner's account; one of a name that is known already is warned of. */
import { useQuery } from '@tanstack/react-query';
import { Alert, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { get, post } from '../../api/client';
import type { NewMerchant as Made } from '../../api/shapes';
import { Dialog } from '../../parts/Dialog';
import { LinkShown } from '../../parts/LinkShown';
import { useRequired } from '../../parts/useRequired';
import { useText } from '../../texts';

type Entry = { name: string; login: string; handle?: string };

const SETTLED_MS = 400;

/** The text once nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

export function KnownName({ except }: { except?: string }) {
  const { t } = useText();
  const typed: string = Form.useWatch('name') ?? '';
  const name = useSettled(typed.trim());
  const found = useQuery({
    queryKey: ['merchants', 'named', name],
    queryFn: () => get('/api/operator/v1/merchants', { query: { q: name, page_size: 100 } }),
    enabled: name.length > 0,
  });
  const same = (found.data?.items ?? []).filter(
    (row) => row.merchant_id !== except && row.name.toLowerCase() === name.toLowerCase(),
  );
  if (same.length === 0) return null;
  const handles = same.map(({ handle }) => handle).join('、');
  return (
    <Form.Item>
      <Alert type="warning" showIcon title={t('cockpit.known_name', { handles })} />
    </Form.Item>
  );
}

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

export function NewMerchant() {
  const { t } = useText();
  const required = useRequired();
  return (
    <Dialog<Entry, Made>
      label={t('merchants.new')}
      button={{ type: 'primary' }}
      save={({ name, login, handle }) =>
        post('/api/operator/v1/merchants', {
          name: name.trim(),
          login: login.trim(),
          ...(handle ? { handle } : {}),
        })
      }
      refresh={['merchants']}
      after={(made) => <LinkShown login={made.owner.login} link={made.link} handle={made.handle} />}
    >
      <Form.Item name="name" label={t('merchant.name')} rules={required(t('merchant.name'))}>
        <Input maxLength={64} />
      </Form.Item>
      <KnownName />
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
