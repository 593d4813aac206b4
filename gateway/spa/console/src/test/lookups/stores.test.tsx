/** The stores that every page shares: on their way, refused, or really none. */
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App as AntApp } from 'antd';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '../../api/shapes';
import { makeQueries } from '../../app';
import { StoreProvider, useStores } from '../../lookups/stores';
import Cashier from '../../pages/cashier/Cashier';
import { inBrowser } from '../../pages/cashier/keystore';
import { SessionProvider } from '../../session/session';
import { answers } from '../answers';

const STORES = 'GET /api/merchant/v1/stores';
const NONE = { items: [], total: 0, page: 1, page_size: 100 };
const ONE = { ...NONE, items: [{ store_id: 's', name: '南山店' }], total: 1 };
const BUSY = { status: 429, body: { code: 'rate.limited', title: '太快 Too fast.' } };

const session = (id: string) =>
  ({
    user: { user_id: 'u-1', login: 'zhou', name: '周' },
    merchant: { merchant_id: id, name: '茶铺', edition: 'face_pay' },
    permissions: ['devices.write', 'stores.read'],
  }) as unknown as Session;

const queries = { current: makeQueries() };

function page(child: React.ReactNode, merchantId = 'm-1') {
  return (
    <MemoryRouter>
      <AntApp>
        <QueryClientProvider client={queries.current}>
          <SessionProvider found={{ console: 'merchant', session: session(merchantId) }}>
            <StoreProvider>{child}</StoreProvider>
          </SessionProvider>
        </QueryClientProvider>
      </AntApp>
    </MemoryRouter>
  );
}

beforeEach(() => {
  queries.current = makeQueries();
  // A browser that can be a terminal, and is none yet.
  vi.stubGlobal('isSecureContext', true);
  vi.stubGlobal('indexedDB', {});
  vi.spyOn(inBrowser, 'load').mockResolvedValue(null);
});

afterEach(() => vi.restoreAllMocks());

it('does not say that there is no store when nobody answered how many there are', async () => {
  // A brake is waited out by itself; what is broken stays so.
  answers({
    [STORES]: [{ status: 500, body: { code: 'internal', title: '坏 No.' } }, { body: ONE }],
  });
  render(page(<Cashier />));
  const again = await screen.findByText(/重\s*试/, { selector: 'button span' });
  expect(screen.queryByText('先建一家门店')).toBeNull();
  await userEvent.setup().click(again);
  expect(await screen.findByText('把这个浏览器用作终端')).toBeTruthy();
});

it('waits for a brake, and then knows', async () => {
  answers({ [STORES]: [BUSY, { body: NONE }] });
  render(page(<Cashier />));
  await screen.findByRole('status');
  expect(await screen.findByText('先建一家门店')).toBeTruthy();
});

function Names() {
  return <p>{useStores().stores.map((one) => one.name)}</p>;
}

it('has the stores of this merchant, not of another one with the same name', async () => {
  const other = { ...ONE, items: [{ store_id: 't', name: '北山店' }] };
  answers({ [STORES]: [{ body: ONE }, { body: other }] });
  const shown = render(page(<Names />, 'm-1'));
  await screen.findByText('南山店');
  shown.rerender(page(<Names />, 'm-2'));
  await waitFor(() => expect(screen.queryByText('南山店')).toBeNull());
  await screen.findByText('北山店');
});
