/** The passkeys of the own account: listing, adding and removing them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Popconfirm } from 'antd';
import { useState } from 'react';
import { at, get, post, remove } from '../../api/client';
import type { PasskeyRow } from '../../api/shapes';
import { Card, When } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { NAME_MAX, useRequired } from '../../parts/forms/useRequired';
import { Window } from '../../parts/forms/Window';
import { useSay } from '../../parts/say';
import { Failure, Loading } from '../../parts/states';
import { makePasskey, PasskeyFault, passkeyHindrance } from '../../session/passkey';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { RecoveryCodes } from './RecoveryCodes';

function Row({ row, onRemove }: { row: PasskeyRow; onRemove: () => void }) {
  const { t } = useText();
  return (
    <li>
      <dl>
        <dt>{t('passkey.name')}</dt>
        <dd>{row.name}</dd>
        <dt>{t('passkey.created')}</dt>
        <dd>
          <When at={row.created_at} />
        </dd>
        <dt>{t('passkey.used')}</dt>
        <dd>{row.last_used_at ? <When at={row.last_used_at} /> : t('passkey.never_used')}</dd>
      </dl>
      <Popconfirm
        title={t('passkey.remove_sure', { name: row.name })}
        okText={t('do.confirm')}
        cancelText={t('do.cancel')}
        onConfirm={onRemove}
      >
        <Button size="small" danger aria-label={`${t('factor.remove')} ${row.name}`}>
          {t('factor.remove')}
        </Button>
      </Popconfirm>
    </li>
  );
}

function Add({ onMade, onClose }: { onMade: (codes: string[]) => void; onClose: () => void }) {
  const { t } = useText();
  const say = useSay();
  const required = useRequired();
  const { console } = useSession();
  const [form] = Form.useForm<{ name: string }>();
  const [fault, setFault] = useState('');
  const add = useMutation({
    mutationFn: async ({ name }: { name: string }) => {
      const { options } = await post(at(console, '/passkeys/options'), {});
      const made = await makePasskey(options);
      return post(at(console, '/passkeys'), { name: name.trim(), ...made });
    },
    onMutate: () => setFault(''),
    onSuccess: ({ recovery_codes }) => {
      say.done(t('passkey.added'));
      onMade(recovery_codes);
    },
  });
  return (
    <Window
      open
      title={t('passkey.add')}
      okText={t('passkey.go_on')}
      cancelText={t('do.cancel')}
      confirmLoading={add.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      <p className="soft">{t('passkey.add_lead')}</p>
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      <EntryForm
        form={form}
        requiredMark={false}
        send={async (values) => {
          try {
            await add.mutateAsync(values);
          } catch (error) {
            if (!(error instanceof PasskeyFault)) throw error;
            setFault(t(error.key));
          }
        }}
      >
        <Form.Item
          name="name"
          label={t('passkey.name')}
          extra={t('passkey.name_hint')}
          rules={required(t('passkey.name'), NAME_MAX)}
        >
          <Input autoComplete="off" />
        </Form.Item>
      </EntryForm>
    </Window>
  );
}

function usePasskeys() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { console } = useSession();
  const found = useQuery({
    queryKey: ['passkeys', console],
    queryFn: () => get(at(console, '/passkeys')),
  });
  const again = () =>
    Promise.all(
      ['passkeys', 'second-factor', 'who'].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const end = useMutation({
    mutationFn: (passkey_id: string) =>
      remove(at(console, '/passkeys/{passkey_id}'), { path: { passkey_id } }),
    onSuccess: async () => {
      say.done(t('passkey.removed'));
      await again();
    },
    onError: say.failed,
  });
  return { found, again, end };
}

function Listed({
  state,
  onAdd,
  onRemove,
}: {
  state: NonNullable<ReturnType<typeof usePasskeys>['found']['data']>;
  onAdd: () => void;
  onRemove: (passkeyId: string) => void;
}) {
  const { t } = useText();
  const hint = hindrance(state.origin);
  const isFull = state.items.length >= state.limit;
  return (
    <div className="stack">
      {hint ? (
        <Alert type="info" showIcon title={t(hint, { origin: state.origin ?? '' })} role="status" />
      ) : null}
      {state.items.length > 0 ? (
        <ul className="rowcards">
          {state.items.map((row) => (
            <Row key={row.passkey_id} row={row} onRemove={() => onRemove(row.passkey_id)} />
          ))}
        </ul>
      ) : null}
      {hint ? null : (
        <div className="row">
          <Button
            type={state.items.length > 0 ? 'default' : 'primary'}
            disabled={isFull}
            onClick={onAdd}
          >
            {t('passkey.add')}
          </Button>
          {isFull ? <span className="soft">{t('passkey.full')}</span> : null}
        </div>
      )}
    </div>
  );
}

export function Passkeys() {
  const { t } = useText();
  const [isAdding, setAdding] = useState(false);
  const [codes, setCodes] = useState<string[]>([]);
  const { found, again, end } = usePasskeys();
  const state = found.data;
  return (
    <Card title={t('passkey.title')}>
      <p className="soft">{t('passkey.lead')}</p>
      {found.isPending ? <Loading rows={2} /> : null}
      {found.isError ? <Failure error={found.error} retry={() => void found.refetch()} /> : null}
      {state ? (
        <Listed state={state} onAdd={() => setAdding(true)} onRemove={(id) => end.mutate(id)} />
      ) : null}
      {isAdding ? (
        <Add
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            setCodes(made);
            void again();
          }}
        />
      ) : null}
      <Window
        open={codes.length > 0}
        title={t('passkey.codes')}
        footer={null}
        isOnce
        onCancel={() => setCodes([])}
      >
        <RecoveryCodes codes={codes} onDone={() => setCodes([])} />
      </Window>
    </Card>
  );
}

/** Why no passkey can be added here, and what to do; null: it can. */
function hindrance(origin: string | null) {
  if (origin === null) return 'passkey.no_name';
  if (origin !== window.location.origin) return 'passkey.open_there';
  return passkeyHindrance();
}
