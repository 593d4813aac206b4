/** A passkey at the sign-in, what the browser may say instead, and a password that is chosen. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeQueries, Providers } from '../../app';
import { fitsPassword } from '../../session/NewPassword';
import { PASSWORD_INPUT_MAX } from '../../session/PasswordItem';
import { makePasskey, passkeyHindrance } from '../../session/passkey';
import { answers } from '../answers';
import { readyButton } from '../buttons';

const NOBODY = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
const WHO = {
  user: { user_id: 'u', login: 'ada@ops', name: 'ada@ops', role: 'operator_admin' },
  merchant: null,
  permissions: ['merchants.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const PATH = '/api/merchant/v1/session';
const NEEDED = (challenge: string) => ({
  status: 403,
  body: {
    code: 'auth.code_needed',
    title: '请完成两步验证 A second factor is needed.',
    methods: ['passkey', 'recovery_code'],
    passkey: { challenge },
  },
});
const REFUSED = { status: 403, body: { code: 'auth.wrong_passkey', title: '未通过 Not taken.' } };

/** A browser with passkeys; `signs` is what its person does. */
function withPasskeys(signs: (options: unknown) => Promise<unknown>) {
  vi.stubGlobal('isSecureContext', true);
  vi.stubGlobal('PublicKeyCredential', {
    parseRequestOptionsFromJSON: (options: unknown) => options,
    parseCreationOptionsFromJSON: (options: unknown) => options,
  });
  const ask = ({ publicKey }: { publicKey: unknown }) => signs(publicKey);
  vi.stubGlobal('navigator', { ...navigator, credentials: { get: ask, create: ask } });
}

const named = (name: string) => Object.assign(new Error(name), { name });

async function enter() {
  window.history.replaceState(null, '', '/');
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  await person.type(await screen.findByLabelText('账号'), 'owner@tea');
  await person.type(screen.getByLabelText('密码'), 'correct horse battery');
  await person.click(screen.getByRole('button', { name: '登录' }));
  return person;
}

beforeEach(() => {
  localStorage.setItem('damselfly.language', 'zh-CN');
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('signs in with a passkey, on a fresh challenge after a refusal', async () => {
  const signed: unknown[] = [];
  withPasskeys(async (options) => {
    signed.push(options);
    return {
      toJSON: () => ({
        id: 'c',
        response: { clientDataJSON: 'd', authenticatorData: 'a', signature: 's', userHandle: null },
      }),
    };
  });
  const seen = answers({
    'GET /api/merchant/v1/session': [NOBODY, { body: WHO }],
    'GET /api/operator/v1/session': NOBODY,
    'GET /api/operator/v1/first-run': { body: { is_needed: false } },
    [`POST ${PATH}`]: [
      NEEDED('one'),
      REFUSED,
      NEEDED('two'),
      { body: { ...WHO, csrf_token: 'c-1' } },
    ],
  });
  const person = await enter();
  const use = await readyButton('使用通行密钥');
  expect(screen.getByLabelText('恢复码')).toBeTruthy();
  await person.click(use);
  expect((await screen.findByRole('alert')).textContent).toContain('未通过');
  await person.click(await readyButton('使用通行密钥'));
  await waitFor(() => expect(signed).toEqual([{ challenge: 'one' }, { challenge: 'two' }]));
  const sent = seen.filter((one) => one.method === 'POST').map((one) => one.body);
  const proof = { credential_id: 'c', client_data: 'd', authenticator_data: 'a', signature: 's' };
  const person_ = { login: 'owner@tea', password: 'correct horse battery' };
  expect(sent.slice(0, 3)).toEqual([person_, { ...person_, passkey: proof }, person_]);
});

const SIGNS = async () => ({
  toJSON: () => ({
    id: 'c',
    response: { clientDataJSON: 'd', authenticatorData: 'a', signature: 's', userHandle: null },
  }),
});

it.each([
  [
    'braked',
    () => ({ status: 429, body: { code: 'auth.login_braked', title: '请稍候 Wait.' } }),
    '尝试过多，请稍后再试',
  ],
  [
    'offline',
    () => {
      throw new TypeError('no network');
    },
    '网络不通',
  ],
])('signs in no further after a passkey that nobody refused: %s', async (_, reply, told) => {
  withPasskeys(SIGNS);
  const seen = answers({
    'GET /api/merchant/v1/session': NOBODY,
    'GET /api/operator/v1/first-run': { body: { is_needed: false } },
    [`POST ${PATH}`]: [NEEDED('one'), reply, { body: { ...WHO, csrf_token: 'c-1' } }],
  });
  const person = await enter();
  await person.click(await readyButton('使用通行密钥'));
  expect((await screen.findByRole('alert')).textContent).toContain(told);
  expect(await readyButton('使用通行密钥')).toBeTruthy();
  expect(seen.filter((one) => one.method === 'POST')).toHaveLength(2);
});

it('goes in when nothing but the password is asked for any longer', async () => {
  withPasskeys(SIGNS);
  const seen = answers({
    'GET /api/merchant/v1/session': [NOBODY, { body: WHO }],
    'GET /api/operator/v1/session': NOBODY,
    'GET /api/operator/v1/first-run': { body: { is_needed: false } },
    [`POST ${PATH}`]: [NEEDED('one'), REFUSED, { body: { ...WHO, csrf_token: 'c-1' } }],
  });
  const person = await enter();
  await person.click(await readyButton('使用通行密钥'));
  await waitFor(() =>
    expect(seen.filter((one) => one.path === PATH && one.method === 'GET')).toHaveLength(2),
  );
  await waitFor(() => expect(screen.queryByLabelText('密码')).toBeNull());
});

it('asks anew over a page whose session has ended, too, and goes on there', async () => {
  const signed: unknown[] = [];
  withPasskeys(async (options) => {
    signed.push(options);
    return SIGNS();
  });
  const owner = {
    ...WHO,
    user: { ...WHO.user, login: 'owner@tea', role: 'merchant_owner' },
    merchant: { merchant_id: 'm', name: '茶铺', created_at: '2026-11-26T00:00:00Z' },
    permissions: ['stores.read', 'stores.write'],
  };
  const stores = '/api/merchant/v1/stores';
  const seen = answers({
    [`GET ${PATH}`]: { body: owner },
    [`GET ${stores}`]: { body: { items: [], total: 0 } },
    [`POST ${stores}`]: [NOBODY, { status: 201, body: { store_id: 's' } }],
    [`POST ${PATH}`]: [
      NEEDED('one'),
      REFUSED,
      NEEDED('two'),
      { body: { ...owner, csrf_token: 'c-1' } },
    ],
  });
  window.history.replaceState(null, '', '/stores?new=1');
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  // The address asks for the dialog, once.
  await person.type(await screen.findByLabelText('门店名称'), '湖滨店');
  expect(window.location.search).toBe('');
  await person.click(screen.getByRole('button', { name: '保存' }));
  const title = await screen.findByText('登录已失效');
  const again = within(title.closest('[role=dialog]') as HTMLElement);
  await person.type(again.getByLabelText('密码'), 'correct horse battery');
  await person.click(again.getByRole('button', { name: '登录' }));
  await person.click(await readyButton('使用通行密钥', again));
  expect(await again.findByText('通行密钥未通过验证，请重试或换一种方式')).toBeTruthy();
  await person.click(await readyButton('使用通行密钥', again));
  await waitFor(() => expect(signed).toEqual([{ challenge: 'one' }, { challenge: 'two' }]));
  await waitFor(() =>
    expect(
      seen.filter((one) => one.method === 'POST' && one.path === stores).map((one) => one.body),
    ).toEqual([{ name: '湖滨店' }, { name: '湖滨店' }]),
  );
});

it('a password is set and the page breaks behind it: there is a way on', async () => {
  answers({
    'POST /api/public/v1/password-link': {
      body: { login: 'owner@tea', name: '老吴', console: 'merchant' },
    },
    'POST /api/public/v1/password': {
      body: { login: 'owner@tea', name: '老吴', console: 'merchant' },
    },
    [`POST ${PATH}`]: { body: { ...WHO, csrf_token: 'c-1' } },
  });
  window.history.replaceState(null, '', '/password#token');
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  await screen.findByRole('button', { name: '保存并登录' });
  for (const field of document.querySelectorAll('input[type=password]'))
    await person.type(field, 'correct horse battery');
  const setItem = () => {
    throw new DOMException('no storage', 'QuotaExceededError');
  };
  vi.stubGlobal('localStorage', { getItem: () => null, setItem });
  await person.click(screen.getByRole('button', { name: '保存并登录' }));
  expect((await screen.findByRole('alert')).textContent).toContain('没有成功');
  expect(await screen.findByText(/密码已保存/)).toBeTruthy();
  expect(screen.getByRole('link', { name: '去登录' }).getAttribute('href')).toBe('/');
});

it('says that it was cancelled, and leaves the other way open', async () => {
  withPasskeys(() => Promise.reject(named('NotAllowedError')));
  answers({
    'GET /api/merchant/v1/session': NOBODY,
    'GET /api/operator/v1/first-run': { body: { is_needed: false } },
    [`POST ${PATH}`]: NEEDED('one'),
  });
  const person = await enter();
  await person.click(await readyButton('使用通行密钥'));
  expect((await screen.findByRole('alert')).textContent).toContain('已取消或超时');
  await person.type(screen.getByLabelText('账号'), '2');
  expect(screen.queryByLabelText('恢复码')).toBeNull();
});

it.each([
  ['NotAllowedError', 'passkey.cancelled'],
  ['InvalidStateError', 'passkey.known'],
  ['SecurityError', 'passkey.elsewhere'],
  ['ConstraintError', 'passkey.unverified'],
  ['TypeError', 'passkey.failed'],
])('a person reads what %s means', async (name, key) => {
  withPasskeys(() => Promise.reject(named(name)));
  await expect(makePasskey({})).rejects.toMatchObject({ key });
});

it('asks nobody where the browser or the connection does not serve', async () => {
  withPasskeys(() => Promise.resolve(null));
  expect(passkeyHindrance()).toBeNull();
  vi.stubGlobal('PublicKeyCredential', undefined);
  expect(passkeyHindrance()).toBe('passkey.unsupported');
  vi.stubGlobal('isSecureContext', false);
  expect(passkeyHindrance()).toBe('passkey.insecure');
});

it.each([
  ['a'.repeat(11), false],
  ['a'.repeat(12), true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  ['🍵'.repeat(11), false],
  ['🍵'.repeat(128), true],
])('counts characters of a password as the server does: %s', (text, fits) => {
  expect(fitsPassword(text)).toBe(fits);
  if (fits) expect(text.length).toBeLessThanOrEqual(PASSWORD_INPUT_MAX);
});
