/** A list whose address names no place in it, and a list on a phone. */
import { screen } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';
import { chooseLanguage } from '../../../texts';
import { answering, EMPTY, ORDER, ORDER_NO, show } from '../../pages/orders/refunds/refunding';

const LIST = 'GET /api/merchant/v1/orders';

beforeEach(() => chooseLanguage('zh-CN'));

it.each(['cursor=garbage', 'back=AAAA', 'page=3&cursor=garbage&pay_state=paid'])(
  'begins at the top when ?%s names no place in the list',
  async (where) => {
    answering({
      [LIST]: ({ path }) =>
        /after=|before=/.test(path)
          ? { status: 422, body: { code: 'invalid', title: '有 Fix.' } }
          : { body: { ...EMPTY, items: [ORDER], total: 1 } },
    });
    show(`/orders?${where}`);
    expect(await screen.findByText(ORDER_NO)).toBeTruthy();
    expect(window.location.search).toBe(where.includes('paid') ? '?pay_state=paid' : '');
  },
);

function onAPhone() {
  vi.stubGlobal('matchMedia', (media: string) => ({
    media,
    matches: /max-width/.test(media),
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }));
}

it('offers no columns on a phone, where each row is a card', async () => {
  onAPhone();
  answering({});
  show('/orders');
  expect(await screen.findByText('¥20.00')).toBeTruthy();
  expect(document.querySelector('table')).toBeNull();
  expect(screen.queryByText('选择列')).toBeNull();
});
