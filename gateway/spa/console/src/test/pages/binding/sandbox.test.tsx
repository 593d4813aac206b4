/** In the sandbox every way to Alipay leads to the sandbox, which gives an app to bind. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';
import { EMPTY, ownerWho, PAIR } from './binder';

const PAGE = 'http://127.0.0.1:9/';
const OWNER = ownerWho(
  'apps.read',
  'apps.write',
  'orders.read',
  'onboarding.check',
  'onboarding.write',
);
const APP = {
  app_id: '2021000000000077',
  seller_id: '2088000000000077',
  alipay_public_key: 'MIIBtheirs',
};

function show(path: string, about: object, replies: Parameters<typeof answers>[0] = {}) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/apps': { body: { items: [] } },
    'GET /api/merchant/v1/apps/changes': { body: { items: [] } },
    'GET /api/public/v1/about': { body: { version: '0.0.1', ...about } },
    ...replies,
  });
  window.history.replaceState(null, '', path);
  render(<Providers queries={makeQueries()} />);
  return { seen, person: userEvent.setup() };
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('fills in an app of the sandbox with one click', async () => {
  const { seen, person } = show(
    '/miniprogram',
    { is_sandbox: true, sandbox_page: PAGE },
    {
      'POST /api/merchant/v1/apps/key-pairs': { status: 201, body: PAIR },
      'POST /api/merchant/v1/sandbox/apps': { status: 201, body: APP },
      'POST /api/merchant/v1/apps/key-check': { body: { can_save: true, findings: [] } },
    },
  );
  await person.click(await screen.findByRole('button', { name: '给我一个沙箱应用' }));
  const value = (label: string) => screen.getByLabelText<HTMLInputElement>(label).value;
  await waitFor(() => expect(value('小程序 AppID')).toBe(APP.app_id));
  expect(value('收款账户 PID')).toBe(APP.seller_id);
  expect(value('支付宝公钥')).toBe(APP.alipay_public_key);
  const asked = seen.filter((one) => one.method === 'POST').map((one) => [one.path, one.body]);
  expect(asked).toContainEqual(['/api/merchant/v1/sandbox/apps', { key_pair_id: 'p' }]);
  // The doctor looks at what was filled in, under the pair that was made for it.
  await waitFor(() =>
    expect(seen.find((one) => one.path === '/api/merchant/v1/apps/key-check')?.body).toEqual({
      app_id: APP.app_id,
      key_pair_id: 'p',
      alipay_public_key: APP.alipay_public_key,
    }),
  );
});

it('links to the sandbox from the banner and from the help', async () => {
  show('/miniprogram', { is_sandbox: true, sandbox_page: PAGE });
  const banner = await screen.findByText('沙箱环境：所有支付都是演练，不动真钱。');
  const link = within(banner.parentElement as HTMLElement).getByRole('link');
  expect(link.getAttribute('href')).toBe(PAGE);
  // The banner is there before the form and its help.
  const others = () => screen.getAllByRole('link', { name: /打开沙箱支付宝/ });
  await waitFor(() =>
    expect(others().map((one) => one.getAttribute('href'))).toContain(`${PAGE}#platform`),
  );
});

it.each([
  { is_sandbox: true, sandbox_page: null },
  { is_sandbox: false, sandbox_page: null },
])('offers no sandbox where none can be reached: %o', async (about) => {
  show('/miniprogram', about);
  await screen.findByLabelText('小程序 AppID');
  expect(screen.queryByRole('button', { name: '给我一个沙箱应用' })).toBeNull();
  expect(screen.queryByRole('link', { name: /沙箱/ })).toBeNull();
});

it('says that http under a foreign name serves nobody, before a password is typed', async () => {
  vi.stubGlobal('isSecureContext', false);
  try {
    show('/', { is_sandbox: true, sandbox_page: PAGE });
    expect(await screen.findByRole('heading', { name: '请换一个地址打开' })).toBeTruthy();
    expect(screen.getByRole('link', { name: /^http:\/\/127\.0\.0\.1/ })).toBeTruthy();
    expect(screen.queryByLabelText('密码')).toBeNull();
  } finally {
    vi.stubGlobal('isSecureContext', true);
  }
});
