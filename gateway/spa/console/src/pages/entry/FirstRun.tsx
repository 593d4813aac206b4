/** A platform without an operator: a person who can read its setup code creates the first one. */

import { ApiProblem } from '@shared/problem';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { post } from '../../api/client';
import { EntryForm } from '../../parts/forms/EntryForm';
import { useRequired } from '../../parts/forms/useRequired';
import { Entrance } from '../../session/Entrance';
import { NewPassword } from '../../session/NewPassword';
import { refusalText } from '../../session/refusalText';
import { FIRST_RUN, signIn } from '../../session/session';
import { useText } from '../../texts';

interface First {
  setup_code: string;
  login: string;
  password: string;
  repeat: string;
}

export default function FirstRun() {
  const { t, language } = useText();
  const required = useRequired();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);

  const make = async ({ setup_code, login, password }: First) => {
    setBusy(true);
    setFault('');
    try {
      await post('/api/operator/v1/first-run', { setup_code, login, password });
      await signIn('operator', login, password);
      await queries.invalidateQueries({ queryKey: ['who'] });
    } catch (error) {
      if (!(error instanceof ApiProblem && error.code === 'binding.first_run_over')) throw error;
      // Somebody else was faster: the sign-in is shown instead.
      await navigate(FIRST_RUN, { replace: true });
      await queries.invalidateQueries({ queryKey: ['first-run'] });
    } finally {
      setBusy(false);
    }
  };

  return (
    <Entrance title={t('first.title')}>
      <p className="soft">{t('first.lead')}</p>
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      <EntryForm<First>
        size="large"
        requiredMark={false}
        send={make}
        orElse={(error) => setFault(refusalText(t, language, error))}
      >
        <Form.Item
          name="setup_code"
          label={t('first.code')}
          extra={t('first.code_hint')}
          rules={required(t('first.code'))}
        >
          <Input className="mono" autoComplete="off" spellCheck={false} autoFocus maxLength={256} />
        </Form.Item>
        <Form.Item
          name="login"
          label={t('login.login')}
          extra={t('first.login_hint')}
          rules={required(t('login.login'))}
        >
          <Input autoComplete="username" maxLength={64} />
        </Form.Item>
        <NewPassword name="password" label={t('login.password')} />
        <Button type="primary" htmlType="submit" block loading={isBusy}>
          {t('first.submit')}
        </Button>
      </EntryForm>
    </Entrance>
  );
}
