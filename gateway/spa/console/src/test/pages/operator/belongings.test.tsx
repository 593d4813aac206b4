/** What an operator sees of a merchant: a list that is cut says so. */

import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries } from '../../../app';
import { DevicesOf, StoresOf } from '../../../pages/operator/merchants/Belongings';
import { chooseLanguage } from '../../../texts';
import { answers } from '../../answers';

const at = '2026-11-26T00:00:00Z';
const device = {
  device_id: 'd',
  sn: 'QCF4000001',
  store_name: '南山店',
  status: 'active',
  kind: 'terminal',
  last_seen_at: null,
};
const store = { store_id: 's', name: '南山店', created_at: at, version: 1 };

beforeEach(() => chooseLanguage('zh-CN'));

it.each([
  [1, null],
  [2, '这里只显示前 1 个'],
])('of %i', async (total, said) => {
  answers({
    'GET /api/operator/v1/devices': { body: { items: [device], total, page: 1, page_size: 100 } },
    'GET /api/operator/v1/merchants/m/stores': {
      body: { items: [store], total, page: 1, page_size: 100 },
    },
  });
  render(
    <QueryClientProvider client={makeQueries()}>
      <MemoryRouter>
        <DevicesOf merchantId="m" />
        <StoresOf merchantId="m" />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await screen.findByText(`设备（${total}）`);
  await screen.findByText(`门店（${total}）`);
  expect(screen.queryAllByText(/只显示/).map((one) => one.textContent)).toEqual(
    said ? [said, said] : [],
  );
});
