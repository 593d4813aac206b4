/** The first page of a platform that has no operator yet, and of one that has. */
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const NOBODY = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
const ADMIN = {
  user: { user_id: 'u', login: 'ada@ops', name: 'ada@ops', role: 'operator_admin' },
  merchant: null,
  permissions: ['merchants.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const PATH = '/api/operator/v1/first-run';

function show(path: string) {
  window.history.replaceState(null, '', path);
  return render(<Providers queries={makeQueries()} />);
}

async function fill(repeat = 'correct horse battery') {
  const person = userEvent.setup();
  await person.type(await screen.findByLabelText('安装码'), ' code-of-this-machine ');
  await person.type(screen.getByLabelText('账号'), 'ada@ops');
  await person.type(screen.getByLabelText('密码'), 'correct horse battery');
  await person.type(screen.getByLabelText('再输入一次'), repeat);
  await person.click(screen.getByRole('button', { name: '创建并登录' }));
}

beforeEach(() => {
  localStorage.setItem('damselfly.language', 'zh-CN');
});

it('makes the first operator and signs them in', async () => {
  const seen = answers({
    'GET /api/merchant/v1/session': NOBODY,
    'GET /api/operator/v1/session': { body: ADMIN },
    [`GET ${PATH}`]: { body: { is_needed: true } },
    [`POST ${PATH}`]: { status: 201, body: ADMIN.user },
    'POST /api/operator/v1/session': { body: { ...ADMIN, csrf_token: 'c-1' } },
    'GET /api/operator/v1/merchants': { body: EMPTY },
  });
  show('/');
  await fill();
  expect(await screen.findByRole('navigation', { name: '主菜单' })).toBeTruthy();
  const [made, entered] = seen.filter((one) => one.method === 'POST');
  expect(made?.body).toEqual({
    setup_code: 'code-of-this-machine',
    login: 'ada@ops',
    password: 'correct horse battery',
  });
  expect(entered?.path).toBe('/api/operator/v1/session');
});

it('says what is wrong, and sends nothing when the two passwords differ', async () => {
  const seen = answers({
    'GET /api/merchant/v1/session': NOBODY,
    [`GET ${PATH}`]: { body: { is_needed: true } },
    [`POST ${PATH}`]: {
      status: 403,
      body: {
        code: 'binding.setup_code_wrong',
        title: '安装码不正确 The setup code is not right.',
      },
    },
  });
  const page = show('/');
  await fill('something else');
  expect(await screen.findByText('两次输入不一致')).toBeTruthy();
  expect(seen.some((one) => one.method === 'POST')).toBe(false);
  page.unmount();
  show('/');
  await fill();
  expect(await screen.findByText('安装码不正确')).toBeTruthy();
});

it('gives way to the sign-in when somebody else was faster', async () => {
  answers({
    'GET /api/merchant/v1/session': NOBODY,
    [`GET ${PATH}`]: [{ body: { is_needed: true } }, { body: { is_needed: false } }],
    [`POST ${PATH}`]: {
      status: 409,
      body: { code: 'binding.first_run_over', title: '平台已有管理员 It has its operator.' },
    },
  });
  show('/');
  await fill();
  expect(await screen.findByText('平台已有管理员，请直接登录。')).toBeTruthy();
  expect(screen.getByRole('button', { name: '登录' })).toBeTruthy();
});

it('shows the sign-in where there is an operator, or no such door', async () => {
  for (const door of [{ body: { is_needed: false } }, { status: 404, body: {} }]) {
    answers({ 'GET /api/merchant/v1/session': NOBODY, [`GET ${PATH}`]: door });
    const page = show('/');
    expect(await screen.findByRole('button', { name: '登录' })).toBeTruthy();
    expect(screen.queryByLabelText('安装码')).toBeNull();
    page.unmount();
  }
});
