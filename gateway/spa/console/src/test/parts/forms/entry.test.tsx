/** What every form and code has in common: words, trims, one thing for two presses. */
import { problemOf } from '@shared/problem';
import { cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { browserText } from '../../../pages/people/browser';
import { trimmed } from '../../../parts/forms/EntryForm';
import { faultText, problemText, word } from '../../../parts/words';
import { type T, texts } from '../../../texts';
import { answers } from '../../answers';

const zh = ((key: string, values: Record<string, string> = {}) =>
  (texts as unknown as Record<string, string[]>)[key]?.[0]?.replace(
    /\{\{(\w+)\}\}/g,
    (_, name) => values[name] ?? '',
  ) ?? key) as T;

it.each([
  ['permission', 'orders.read', '查看订单'],
  ['permission', 'quite.new', '其他权限'],
  ['audit_action', 'session.open', '登录'],
  ['failure', 'ACQ.SOMETHING_NEW', '未成功，没有更多说明'],
  ['no_such_group', 'value', '其他'],
  ['role', null, '—'],
])('says %s %s in words', (group, code, text) => {
  expect(word(zh, group, code)).toBe(text);
});

it.each([
  [{ code: 'auth.forbidden', title: 'x' }, '您没有这项权限，请联系管理员'],
  [{ code: 'quite.new', title: '全新的问题 A new problem.' }, '全新的问题'],
  [{ code: 'quite.new', title: 'Only English.' }, '没有成功，请稍后重试'],
])('says the problem %j', (body, text) => {
  expect(problemText(zh, 'zh-CN', problemOf(400, body))).toBe(text);
});

it.each([
  [
    { pointer: '/name', code: 'string_pattern_mismatch', message: "match '^[^\\s\\p{C}]'" },
    '名称不能为空，也不能含有看不见的字符',
  ],
  [
    { pointer: '/title', code: 'string_too_long', message: 'at most 64 characters' },
    '最多 64 个字符',
  ],
  [{ pointer: '/name', code: 'missing', message: 'Field required' }, '请填写'],
  [{ pointer: '/x', message: 'does not belong here' }, '这里的内容不符合要求'],
  [
    { pointer: '/reason', code: 'value_error', message: 'Value error, 写清事由 say why' },
    '写清事由',
  ],
])('says the fault %j without what programmers read', (fault, text) => {
  expect(faultText(zh, 'zh-CN', fault)).toBe(text);
});

it.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Windows 上的 Chrome',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0',
    'Windows 上的 Edge',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'iPhone 上的 Safari',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116 Mobile Safari/537.36 MicroMessenger/8.0',
    'Android 上的 WeChat',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0', 'Linux 上的 Firefox'],
  ['curl/8.5.0', '其他程序'],
  ['', '其他程序'],
])('calls the browser %s by name', (agent, text) => {
  expect(browserText(zh, agent)).toBe(text);
});

it('takes the blanks from around entries, and leaves passwords', () => {
  expect(trimmed({ app_id: ' 2021 ', n: 3, new_password: ' a b ', repeat: ' ' })).toEqual({
    app_id: '2021',
    n: 3,
    new_password: ' a b ',
    repeat: ' ',
  });
});

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['stores.read', 'stores.write', 'api_keys.read', 'api_keys.write'],
  expires_at: '2026-11-27T00:00:00Z',
};
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };

function show(path: string, replies: Parameters<typeof answers>[0]) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/api-keys': { body: EMPTY },
    ...replies,
  });
  window.history.replaceState(null, '', path);
  render(<Providers queries={makeQueries()} />);
  return { seen, person: userEvent.setup() };
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('shows a refusal under its field, and makes one thing of two presses', async () => {
  const { seen, person } = show('/stores', {
    'POST /api/merchant/v1/stores': [
      {
        status: 422,
        body: {
          code: 'invalid_body',
          title: '请求内容不符合要求 The request body is not valid.',
          errors: [
            { pointer: '/name', code: 'string_pattern_mismatch', message: "match '^[^\\s]'" },
          ],
        },
      },
      { status: 201, body: { store_id: 's' } },
    ],
  });
  await person.click((await screen.findAllByRole('button', { name: '新建门店' }))[0] as Element);
  const dialog = within(await screen.findByRole('dialog'));
  const field = dialog.getByLabelText('门店名称');
  await waitFor(() => expect(document.activeElement).toBe(field));
  await person.type(field, '  湖滨店 ');
  await person.click(dialog.getByRole('button', { name: /保\s*存/ }));
  expect(await dialog.findByText('名称不能为空，也不能含有看不见的字符')).toBeTruthy();
  expect(document.body.textContent).not.toContain('^[^');
  await person.type(field, '二');
  await waitFor(() =>
    expect(dialog.queryByText('名称不能为空，也不能含有看不见的字符')).toBeNull(),
  );
  await person.dblClick(dialog.getByRole('button', { name: /保\s*存/ }));
  await waitFor(() => expect(seen.filter((one) => one.method === 'POST')).toHaveLength(2));
  const made = () => seen.filter((one) => one.method === 'POST');
  expect(made().map((one) => one.body)).toEqual([{ name: '湖滨店' }, { name: '湖滨店 二' }]);
});

it('asks before a secret that is shown once is thrown away', async () => {
  const { person } = show('/api-keys', {
    'POST /api/merchant/v1/api-keys': {
      status: 201,
      body: { key_id: 'k1', name: '前台', secret: 's3cret' },
    },
  });
  await person.click((await screen.findAllByRole('button', { name: '新建密钥' }))[0] as Element);
  const dialog = within(await screen.findByRole('dialog'));
  await person.type(dialog.getByLabelText('名称'), '前台');
  await person.click(dialog.getByRole('button', { name: /保\s*存/ }));
  expect(await dialog.findByText('s3cret')).toBeTruthy();
  expect(dialog.getByText('密钥已创建：前台')).toBeTruthy();
  await person.keyboard('{Escape}');
  expect((await screen.findAllByText('还没有保存好就离开吗？'))[0]).toBeTruthy();
  await person.click(screen.getByRole('button', { name: '回去保存' }));
  expect(screen.getByText('s3cret')).toBeTruthy();
  await person.click(dialog.getByRole('button', { name: '我已保存' }));
  await waitFor(() =>
    expect(screen.getByText('s3cret').closest('.ant-modal')?.className).toMatch(/leave/),
  );
});

it('keeps an edit when the session ends, and goes on after signing in over it', async () => {
  const over = { status: 401, body: { code: 'auth.session', title: '登录已失效 Sign in again.' } };
  const { seen, person } = show('/stores', {
    'POST /api/merchant/v1/stores': [over, { status: 201, body: { store_id: 's' } }],
    'POST /api/merchant/v1/session': { body: { ...OWNER, csrf_token: 'c-9' } },
  });
  await person.click((await screen.findAllByRole('button', { name: '新建门店' }))[0] as Element);
  await person.type(await screen.findByLabelText('门店名称'), '湖滨店');
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  // In a small DOM every dialog's title has the same id, so that none is found by its name.
  const title = await screen.findByText('登录已失效');
  const again = within(title.closest('[role=dialog]') as HTMLElement);
  await person.type(again.getByLabelText('密码'), 'a long password');
  await person.click(again.getByRole('button', { name: /登\s*录/ }));
  await waitFor(() =>
    expect(
      seen.filter((one) => one.path.endsWith('/stores') && one.method === 'POST'),
    ).toHaveLength(2),
  );
  const sent = seen.filter((one) => one.method === 'POST');
  expect(sent.map((one) => one.body)).toEqual([
    { name: '湖滨店' },
    { login: 'owner@demo', password: 'a long password' },
    { name: '湖滨店' },
  ]);
  expect(sent.at(-1)?.headers.get('x-csrf-token')).toBe('c-9');
});

it('says that the merchant is suspended where its session ended with that, and asks for no password', async () => {
  const told = '商户已被服务商停用，您已退出登录。恢复之前不能登录，请联系服务商。';
  const suspended = {
    status: 401,
    body: { code: 'auth.merchant_suspended', title: '停用 Suspended.' },
  };
  const { person } = show('/stores', { 'POST /api/merchant/v1/stores': suspended });
  await person.click((await screen.findAllByRole('button', { name: '新建门店' }))[0] as Element);
  await person.type(await screen.findByLabelText('门店名称'), '湖滨店');
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  expect(await screen.findByText(told)).toBeTruthy();
  expect(screen.queryByText('登录已失效')).toBeNull();
  cleanup();
  // Also where a tab is opened anew; and once only.
  localStorage.setItem('damselfly.csrf', 'c-0');
  show('/stores', { 'GET /api/merchant/v1/session': suspended });
  expect(await screen.findByText(told)).toBeTruthy();
  cleanup();
  localStorage.setItem('damselfly.csrf', 'c-0');
  show('/stores', {});
  await screen.findByRole('heading', { name: '门店' });
  expect(screen.queryByText(told)).toBeNull();
});

it('says that a name is too long, and cuts nothing off what was pasted', async () => {
  const long = `${'长'.repeat(64)}店`;
  const { seen, person } = show('/stores', {
    'POST /api/merchant/v1/stores': { status: 201, body: { store_id: 's' } },
  });
  await person.click((await screen.findAllByRole('button', { name: '新建门店' }))[0] as Element);
  const name = await screen.findByLabelText<HTMLInputElement>('门店名称');
  await person.click(name);
  await person.paste(long);
  expect(name.value).toBe(long);
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  expect(await screen.findByText('最多 64 个字符')).toBeTruthy();
  expect(seen.some((one) => one.method === 'POST')).toBe(false);
  await person.type(name, '{Backspace}');
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  expect(await screen.findByText('门店已建好')).toBeTruthy();
});

it('says what is there, and the way out, where there is no such page', async () => {
  show('/no/such/page', {});
  expect(await screen.findByRole('heading', { name: '没有这个页面' })).toBeTruthy();
  expect(screen.getByRole('link', { name: '回到首页' }).getAttribute('href')).toBe('/stores');
  expect(document.title).toBe('没有这个页面 · 豆娘');
});

it('says of a page of the other console whose it is', async () => {
  show('/merchants/m1', {});
  expect(await screen.findByText('这是服务商的页面，要用服务商的账号登录。')).toBeTruthy();
});

it('leads by real links', async () => {
  show('/stores', {});
  const menu = within(await screen.findByRole('navigation', { name: '主菜单' }));
  expect(menu.getByRole('link', { name: 'API 密钥' }).getAttribute('href')).toBe('/api-keys');
});

it('hints at the other side after a refused sign-in', async () => {
  const refused = { status: 401, body: { code: 'auth.bad_credentials', title: '不正确 Wrong.' } };
  const { seen, person } = show('/', {
    'GET /api/merchant/v1/session': { status: 401, body: { code: 'auth.session', title: 'x' } },
    'POST /api/merchant/v1/session': refused,
    'POST /api/operator/v1/session': refused,
  });
  await person.type(await screen.findByLabelText('账号'), 'ops@demo');
  await person.type(screen.getByLabelText('密码'), 'a long password');
  await person.click(screen.getByRole('button', { name: /登\s*录/ }));
  await person.click(await screen.findByRole('button', { name: '换到“服务商”' }));
  await person.click(screen.getByRole('button', { name: /登\s*录/ }));
  await waitFor(() =>
    expect(seen.filter((one) => one.method === 'POST').map((one) => one.path)).toEqual([
      '/api/merchant/v1/session',
      '/api/operator/v1/session',
    ]),
  );
});
