/** The page of a one-time link: its person chooses a password that nobody else knows. */
import { ApiProblem } from '@shared/problem';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { type Console, post } from '../../api/client';
import { EntryForm } from '../../parts/forms/EntryForm';
import { Loading } from '../../parts/states';
import { Entrance } from '../../session/Entrance';
import { NewPassword } from '../../session/NewPassword';
import { refusalText } from '../../session/refusalText';
import { signIn } from '../../session/session';
import { useText } from '../../texts';

/** The length of a link's secret; a shorter one was cut off. */
const TOKEN_LENGTH = 43;

interface Entry {
  password: string;
  repeat: string;
}

function Unusable({ token, error }: { token: string; error: unknown }) {
  const { t, language } = useText();
  const isCut = token.length < TOKEN_LENGTH;
  const refusal = isCut
    ? t('link.cut')
    : error instanceof ApiProblem
      ? refusalText(t, language, error)
      : t('link.unreadable');
  return (
    <>
      <Alert type="error" showIcon title={refusal} role="alert" />
      <p>
        <a href="/">{t('link.sign_in')}</a>
      </p>
    </>
  );
}

function PasswordForm({
  whose,
  isBusy,
  send,
  onFault,
}: {
  whose: { name: string; login: string };
  isBusy: boolean;
  send: (entry: Entry) => Promise<void>;
  onFault: (fault: string) => void;
}) {
  const { t, language } = useText();
  return (
    <EntryForm<Entry>
      size="large"
      requiredMark={false}
      send={send}
      orElse={(error) => onFault(refusalText(t, language, error))}
    >
      <p className="soft">
        {whose.name === whose.login
          ? t('link.lead_nameless', { login: whose.login })
          : t('link.lead', { name: whose.name, login: whose.login })}
      </p>
      <input
        type="text"
        name="username"
        autoComplete="username"
        value={whose.login}
        readOnly
        hidden
      />
      <NewPassword name="password" autoFocus />
      <Button type="primary" htmlType="submit" block loading={isBusy}>
        {t('link.submit')}
      </Button>
    </EntryForm>
  );
}

export default function ChoosePassword() {
  const { t } = useText();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [token] = useState(() => window.location.hash.slice(1));
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const whose = useQuery({
    queryKey: ['password-link'],
    queryFn: () => post('/api/public/v1/password-link', { token }),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

  const choose = async ({ password }: Entry) => {
    setBusy(true);
    setFault('');
    try {
      const { console, login } = await post('/api/public/v1/password', { token, password });
      setDone(true);
      await enter(console as Console, login, password);
    } finally {
      setBusy(false);
    }
  };

  /** Signs in at once if only the password is needed; otherwise the sign-in page asks for the
   * rest. */
  const enter = async (console: Console, login: string, password: string) => {
    try {
      await signIn(console, login, password);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
    }
    await navigate('/', { replace: true });
    await queries.invalidateQueries({ queryKey: ['who'] });
  };

  return (
    <Entrance title={t('link.title')}>
      {whose.isPending ? <Loading rows={3} /> : null}
      {whose.isError ? <Unusable token={token} error={whose.error} /> : null}
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      {isDone && fault ? (
        <p>
          {t('link.saved')} <a href="/">{t('link.sign_in')}</a>
        </p>
      ) : null}
      {whose.data && !isDone ? (
        <PasswordForm whose={whose.data} isBusy={isBusy} send={choose} onFault={setFault} />
      ) : null}
    </Entrance>
  );
}
