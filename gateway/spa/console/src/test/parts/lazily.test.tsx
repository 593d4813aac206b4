/** A page whose code could not be fetched: what is said meanwhile, and that it comes after all. */
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Suspense } from 'react';
import { Link, MemoryRouter, Route, Routes, useLocation } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';
import { begin, makeQueries, Providers, pageAt } from '../../app';
import { lazily } from '../../parts/lazily';
import { Crash } from '../../parts/states';
import { chooseLanguage } from '../../texts';
import { answers } from '../answers';

const ABOUT = 'GET /api/public/v1/about';
const FIRST = 'GET /api/operator/v1/first-run';
const WHOLE = { body: { is_needed: false } };
const DEAD = { status: 502, body: { code: 'unavailable', title: '繁忙 Busy.' } };

function Broken(): React.ReactNode {
  throw new Error('broken');
}

/** A page that fails to be fetched so many times. */
function slowlyThere(failures: number) {
  const load = vi.fn(async () => {
    if (load.mock.calls.length <= failures) throw new TypeError('Failed to fetch');
    return { default: () => <h1>门店</h1> };
  });
  return { load, Page: lazily(load) };
}

function Frame({ Page }: { Page: () => React.ReactNode }) {
  const { pathname } = useLocation();
  return (
    <>
      <Link to="/">首页</Link>
      <Link to="/stores">去门店</Link>
      <Crash key={pathname}>
        <Suspense fallback="…">
          <Routes>
            <Route path="/" element={<h1>主页</h1>} />
            <Route path="/stores" element={<Page />} />
          </Routes>
        </Suspense>
      </Crash>
    </>
  );
}

function show(Page: React.ComponentType<object>) {
  render(
    <MemoryRouter initialEntries={['/stores']}>
      <Frame Page={Page as () => React.ReactNode} />
    </MemoryRouter>,
  );
  return userEvent.setup();
}

beforeEach(() => {
  chooseLanguage('zh-CN');
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

it('says that the server is away, and fetches the page on the next visit', async () => {
  answers({ [ABOUT]: DEAD });
  document.title = '主页 · 豆娘';
  const { load, Page } = slowlyThere(1);
  const person = show(Page);
  expect(await screen.findByText('网络不通，请检查后重试')).toBeTruthy();
  expect(document.title).toBe('网络不通，请检查后重试 · 豆娘');
  expect(screen.queryByText(/您填写的内容/), 'nothing was entered').toBeNull();
  await person.click(screen.getByText('首页'));
  await screen.findByRole('heading', { name: '主页' });
  await person.click(screen.getByText('去门店'));
  expect(await screen.findByRole('heading', { name: '门店' })).toBeTruthy();
  expect(load).toHaveBeenCalledTimes(2);
});

it('tries again at once when somebody asks for it', async () => {
  answers({ [ABOUT]: DEAD });
  const person = show(slowlyThere(2).Page);
  await person.click(await screen.findByRole('button', { name: /重\s?试/ }));
  await person.click(await screen.findByRole('button', { name: /重\s?试/ }));
  expect(await screen.findByRole('heading', { name: '门店' })).toBeTruthy();
});

it('opens the page by itself once the server answers', async () => {
  answers({ [ABOUT]: [DEAD, { body: { version: '1' } }] });
  const { load, Page } = slowlyThere(1);
  show(Page);
  await screen.findByText('网络不通，请检查后重试');
  await waitFor(() => expect(screen.getByRole('heading', { name: '门店' })).toBeTruthy());
  expect(load).toHaveBeenCalledTimes(2);
});

it('asks for a refresh when the server answers and has not got the code', async () => {
  answers({ [ABOUT]: { body: { version: '2' } } });
  show(slowlyThere(9).Page);
  expect(await screen.findByText('这一页没有加载出来')).toBeTruthy();
  expect(screen.getByRole('button', { name: /刷\s?新/ })).toBeTruthy();
});

it('a page that breaks is not called a server that is away', async () => {
  answers({ [ABOUT]: DEAD });
  show(Broken);
  expect(await screen.findByText('页面出错了')).toBeTruthy();
  expect(document.title).toBe('页面出错了 · 豆娘');
});

it('shows at once what was fetched early, and goes on with it', async () => {
  const { load, Page } = slowlyThere(0);
  Page.fetch();
  await load.mock.results[0]?.value;
  show(Page);
  expect(screen.getByRole('heading', { name: '门店' })).toBeTruthy();
  expect(load).toHaveBeenCalledTimes(1);
});

it('knows early which page it will be', () => {
  expect(pageAt('/orders/D1')).toBe(pageAt('/orders'));
  expect(pageAt('/orders/refunds')).not.toBe(pageAt('/orders'));
  expect(pageAt('/no/such/page')).toBe(pageAt('/'));
  localStorage.removeItem('damselfly.csrf');
  expect(pageAt('/orders')).toBe(pageAt('/login'));
  expect(pageAt('/password')).not.toBe(pageAt('/login'));
});

it.each([
  ['somebody', 'c-0', 'GET /api/merchant/v1/session'],
  ['nobody', '', 'GET /api/operator/v1/first-run'],
])('asks what %s needs before anything is drawn, and once', async (_, token, door) => {
  localStorage.setItem('damselfly.csrf', token);
  window.history.replaceState(null, '', '/');
  const nobody = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
  const seen = answers({ 'GET /api/merchant/v1/session': nobody, [ABOUT]: DEAD, [FIRST]: WHOLE });
  const asked = () => seen.map((one) => `${one.method} ${one.path}`);
  const queries = makeQueries();
  begin(queries, '/');
  await waitFor(() => expect(asked()).toEqual([door]));
  render(<Providers queries={queries} />);
  expect(await screen.findByRole('button', { name: '登录' })).toBeTruthy();
  expect(asked().filter((one) => one === door)).toHaveLength(1);
});

it('asks for the latest orders beside the figures of the day, not after them', async () => {
  window.history.replaceState(null, '', '/');
  const session = {
    user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
    merchant: { merchant_id: 'm', name: '豆娘演示商户' },
    permissions: ['orders.read', 'payments.read'],
    expires_at: '2026-11-27T00:00:00Z',
  };
  const seen = answers({
    'GET /api/merchant/v1/session': { body: session },
    'GET /api/merchant/v1/dashboard': () => new Promise(() => undefined),
  });
  render(<Providers queries={makeQueries()} />);
  const asked = () => seen.map((one) => one.path.split('?')[0]);
  await waitFor(() => expect(asked()).toContain('/api/merchant/v1/dashboard'));
  await waitFor(() => expect(asked()).toContain('/api/merchant/v1/orders'));
});
