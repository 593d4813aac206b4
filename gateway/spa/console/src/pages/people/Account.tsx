/** The person's own account: its password and its sessions. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Popconfirm } from 'antd';
import { at, get, post, remove } from '../../api/client';
import type { SessionRow } from '../../api/shapes';
import { Card, PageHead, Tag, When } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { useRequired } from '../../parts/forms/useRequired';
import { useSay } from '../../parts/say';
import { Failure, Loading } from '../../parts/states';
import { NewPassword } from '../../session/NewPassword';
import { PasswordItem } from '../../session/PasswordItem';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { browserText } from './browser';
import { Passkeys } from './Passkeys';
import { SecondFactor } from './SecondFactor';
import { SignIns } from './SignIns';

interface Entry {
  current_password: string;
  new_password: string;
  repeat: string;
}

function Password() {
  const { t } = useText();
  const say = useSay();
  const required = useRequired();
  const queries = useQueryClient();
  const { console } = useSession();
  const [form] = Form.useForm<Entry>();
  const change = useMutation({
    mutationFn: ({ current_password, new_password }: Entry) =>
      post(at(console, '/password'), { current_password, new_password }),
    onSuccess: async () => {
      form.resetFields();
      say.done(t('account.password_changed'));
      await queries.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  return (
    <Card title={t('account.password')}>
      <EntryForm<Entry>
        form={form}
        requiredMark={false}
        send={(values) => change.mutateAsync(values)}
      >
        <PasswordItem
          kind="current"
          name="current_password"
          label={t('account.current_password')}
          rules={required(t('account.current_password'))}
        />
        <NewPassword name="new_password" />
        <Button type="primary" htmlType="submit" loading={change.isPending}>
          {t('account.password')}
        </Button>
      </EntryForm>
    </Card>
  );
}

function Row({ row, onEnd }: { row: SessionRow; onEnd: () => void }) {
  const { t } = useText();
  return (
    <li>
      <dl>
        <dt>{t('account.device')}</dt>
        <dd>
          {row.is_current ? <Tag tone="ok">{t('account.current')}</Tag> : null}{' '}
          {browserText(t, row.user_agent)}
        </dd>
        <dt>{t('account.address')}</dt>
        <dd className="mono">{row.address || '—'}</dd>
        <dt>{t('account.started')}</dt>
        <dd>
          <When at={row.created_at} />
        </dd>
        <dt>{t('account.seen')}</dt>
        <dd>
          <When at={row.seen_at} />
        </dd>
      </dl>
      {row.is_current ? null : (
        <Button size="small" aria-label={`${t('account.end')} ${row.address}`} onClick={onEnd}>
          {t('account.end')}
        </Button>
      )}
    </li>
  );
}

function Sessions() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { console } = useSession();
  const found = useQuery({
    queryKey: ['sessions', console],
    queryFn: () => get(at(console, '/sessions')),
  });
  const end = useMutation({
    mutationFn: (session_id: string | null) =>
      session_id
        ? remove(at(console, '/sessions/{session_id}'), { path: { session_id } })
        : remove(at(console, '/sessions')),
    onSuccess: async () => {
      say.done(t('account.ended'));
      await queries.invalidateQueries({ queryKey: ['sessions'] });
    },
    onError: say.failed,
  });
  const rows = found.data?.items ?? [];
  return (
    <Card
      title={t('account.sessions')}
      extra={
        rows.length > 1 ? (
          <Popconfirm
            title={t('account.end_others')}
            okText={t('do.confirm')}
            cancelText={t('do.cancel')}
            onConfirm={() => end.mutate(null)}
          >
            <Button size="small">{t('account.end_others')}</Button>
          </Popconfirm>
        ) : null
      }
    >
      {found.isPending ? (
        <Loading rows={3} />
      ) : found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : (
        <ul className="rowcards">
          {rows.map((row) => (
            <Row key={row.session_id} row={row} onEnd={() => end.mutate(row.session_id)} />
          ))}
        </ul>
      )}
    </Card>
  );
}

export default function Account() {
  const { t } = useText();
  return (
    <>
      <PageHead title={t('account.title')} lead={t('account.lead')} />
      <div className="two">
        <Sessions />
        <Password />
        <SecondFactor />
        <Passkeys />
        <SignIns />
      </div>
    </>
  );
}
