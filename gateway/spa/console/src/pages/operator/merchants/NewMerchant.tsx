/** A new merchant and its owner's account; warns of a name that another merchant has. */
import { useQuery } from '@tanstack/react-query';
import { Alert, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { get, post } from '../../../api/client';
import type { NewMerchant as Made } from '../../../api/shapes';
import { Dialog } from '../../../parts/forms/Dialog';
import { UsernameField } from '../../../parts/forms/UsernameField';
import { NAME_MAX, useRequired } from '../../../parts/forms/useRequired';
import { LinkShown } from '../../../parts/LinkShown';
import { useText } from '../../../texts';

type Entry = { name: string; username: string; handle?: string };

/** As services/binding/tenancy/logins.py generates them: no letters that look alike, and no
 * vowels, so no words. */
const HANDLE_LETTERS = 'bcdfghjkmnpqrstvwxz23456789';
const HANDLE_LENGTH = 6;

function newHandle(): string {
  const found = crypto.getRandomValues(new Uint32Array(HANDLE_LENGTH));
  return [...found].map((one) => HANDLE_LETTERS[one % HANDLE_LETTERS.length]).join('');
}

const SETTLED_MS = 400;

/** The text, after nobody has typed for a moment. */
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

/** The owner's login, and the handle with which the logins of all the merchant's people end. If
 * it is left empty, the handle that was generated here is used. */
function LoginFields({ made }: { made: string }) {
  const { t } = useText();
  const handle: string = Form.useWatch('handle') || made;
  return (
    <>
      <UsernameField label={t('merchants.owner_login')} handle={handle} />
      <Form.Item
        name="handle"
        label={t('merchant.handle')}
        extra={t('merchants.handle_hint', { handle })}
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
    </>
  );
}

export function NewMerchant() {
  const { t } = useText();
  const required = useRequired();
  const [made, makeAnother] = useState(newHandle);
  return (
    <Dialog<Entry, Made>
      label={t('merchants.new')}
      button={{ type: 'primary' }}
      save={({ name, username, handle }) => {
        const chosen = handle || made;
        return post('/api/operator/v1/merchants', {
          name: name.trim(),
          login: `${username}@${chosen}`,
          handle: chosen,
        });
      }}
      refresh={['merchants']}
      onSaved={() => makeAnother(newHandle())}
      after={{
        title: (made) => t('merchants.made', { name: made.name }),
        shown: (made) => (
          <LinkShown login={made.owner.login} link={made.link} handle={made.handle} />
        ),
      }}
    >
      <Form.Item
        name="name"
        label={t('merchant.name')}
        rules={required(t('merchant.name'), NAME_MAX)}
      >
        <Input />
      </Form.Item>
      <KnownName />
      <LoginFields made={made} />
      <p className="soft">{t('link.after')}</p>
    </Dialog>
  );
}
