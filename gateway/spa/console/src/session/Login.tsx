/** The way in, for merchants and for the operator. */

import { ApiProblem } from '@shared/problem';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Segmented } from 'antd';
import { useEffect, useState } from 'react';
import mark from '../../../shared/mark.svg';
import { type Console, get } from '../api/client';
import { Brand, LanguageButton, ThemeButton } from '../shell/pieces';
import { useText } from '../texts';
import { lastConsole, signIn } from './session';

interface Entry {
  login: string;
  password: string;
}

export default function Login() {
  const { t, language } = useText();
  const queries = useQueryClient();
  const [console, setConsole] = useState<Console>(lastConsole());
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [hasExpired] = useState(() => sessionStorage.getItem('damselfly.expired') === '1');
  const about = useQuery({ queryKey: ['about'], queryFn: () => get('/api/public/v1/about') });

  useEffect(() => {
    sessionStorage.removeItem('damselfly.expired');
    document.title = `${t('login.title')} · ${t('app.name')}`;
  }, [t]);

  const enter = async ({ login, password }: Entry) => {
    setBusy(true);
    setFault('');
    try {
      await signIn(console, login, password);
      await queries.invalidateQueries({ queryKey: ['who'] });
    } catch (error) {
      setFault(error instanceof ApiProblem ? error.titleIn(language) : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="login app">
      <div className="login-hero">
        <Brand />
        <ul>
          <li>{t('login.point1')}</li>
          <li>{t('login.point2')}</li>
          <li>{t('login.point3')}</li>
        </ul>
        <span>{t('app.tagline')}</span>
        <img className="wings" src={mark} alt="" />
      </div>
      <main className="login-form">
        <div className="login-top">
          <LanguageButton />
          <ThemeButton />
        </div>
        <div className="login-brand">
          <Brand />
        </div>
        <h1>{t('login.title')}</h1>
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
            rules={[{ required: true, message: t('field.required', { label: t('login.login') }) }]}
          >
            <Input autoComplete="username" autoFocus maxLength={64} />
          </Form.Item>
          <Form.Item
            name="password"
            label={t('login.password')}
            rules={[
              { required: true, message: t('field.required', { label: t('login.password') }) },
            ]}
          >
            <Input.Password autoComplete="current-password" maxLength={256} />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={isBusy}>
            {t('login.submit')}
          </Button>
        </Form>
        {about.data?.is_sandbox ? <p className="soft small">{t('login.sandbox')}</p> : null}
      </main>
    </div>
  );
}
