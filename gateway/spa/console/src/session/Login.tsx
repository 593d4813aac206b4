/** The way in, for merchants and for the operator. */

import { ApiProblem } from '@shared/problem';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Segmented } from 'antd';
import { useEffect, useState } from 'react';
import { useLocation } from 'react-router';
import { type Console, get } from '../api/client';
import { useText } from '../texts';
import { Entrance } from './Entrance';
import { FIRST_RUN, lastConsole, signIn } from './session';

interface Entry {
  login: string;
  password: string;
  code?: string;
}

export default function Login() {
  const { t, language } = useText();
  const queries = useQueryClient();
  const { pathname } = useLocation();
  const [console, setConsole] = useState<Console>(lastConsole());
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [isCodeNeeded, setCodeNeeded] = useState(false);
  const [hasExpired] = useState(() => sessionStorage.getItem('damselfly.expired') === '1');
  const about = useQuery({ queryKey: ['about'], queryFn: () => get('/api/public/v1/about') });

  useEffect(() => {
    sessionStorage.removeItem('damselfly.expired');
    document.title = `${t('login.title')} · ${t('app.name')}`;
  }, [t]);

  const enter = async ({ login, password, code }: Entry) => {
    setBusy(true);
    setFault('');
    try {
      await signIn(console, login, password, code?.trim());
      await queries.invalidateQueries({ queryKey: ['who'] });
    } catch (error) {
      if (error instanceof ApiProblem && error.code === 'auth.code_needed') setCodeNeeded(true);
      else setFault(error instanceof ApiProblem ? error.titleIn(language) : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Entrance title={t('login.title')}>
      {pathname === FIRST_RUN ? <Alert type="info" showIcon title={t('first.over')} /> : null}
      {hasExpired ? <Alert type="info" showIcon title={t('login.expired')} /> : null}
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      <Form<Entry> layout="vertical" size="large" requiredMark={false} onFinish={enter}>
        <Form.Item label={t('login.console')}>
          <Segmented<Console>
            block
            name="console"
            aria-label={t('login.console')}
            value={console}
            onChange={setConsole}
            options={[
              { value: 'merchant', label: t('login.merchant') },
              { value: 'operator', label: t('login.operator') },
            ]}
          />
        </Form.Item>
        <Form.Item
          name="login"
          label={t('login.login')}
          {...(console === 'merchant' ? { extra: t('login.hint') } : {})}
          rules={[{ required: true, message: t('field.required', { label: t('login.login') }) }]}
        >
          <Input autoComplete="username" autoFocus maxLength={64} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('field.required', { label: t('login.password') }) }]}
        >
          <Input.Password autoComplete="current-password" maxLength={256} />
        </Form.Item>
        {isCodeNeeded ? (
          <Form.Item
            name="code"
            label={t('login.code')}
            extra={t('login.code_hint')}
            rules={[{ required: true, message: t('field.required', { label: t('login.code') }) }]}
          >
            <Input className="mono" autoComplete="one-time-code" autoFocus maxLength={32} />
          </Form.Item>
        ) : null}
        <Button type="primary" htmlType="submit" block loading={isBusy}>
          {t('login.submit')}
        </Button>
      </Form>
      {about.data?.is_sandbox ? <p className="soft small">{t('login.sandbox')}</p> : null}
    </Entrance>
  );
}
