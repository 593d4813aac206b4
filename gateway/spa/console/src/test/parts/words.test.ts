/** Money, time, problems, exports, texts: what people read. */
import { money } from '@shared/money';
import { inLanguage, problemOf } from '@shared/problem';
import { chinaTime, dayEnd, dayStart } from '@shared/time';
import { expect, it } from 'vitest';
import { fenTicks } from '../../pages/home/ticks';
import { cell, csv } from '../../parts/lists/csv';
import { texts } from '../../texts';

it.each([
  [0, '¥0.00'],
  [1, '¥0.01'],
  [120720, '¥1,207.20'],
  [-5, '-¥0.05'],
  [123456789012, '¥1,234,567,890.12'],
])('parts of S100, with ¥ where the manual has 元: %i fen reads %s', (fen, text) => {
  expect(money(fen)).toBe(text);
});

it.each([
  [0, [0, 1]],
  [1, [0, 1]],
  [7, [0, 2, 4, 6, 8]],
  [120720, [0, 50000, 100000, 150000]],
])('the axis up to %i fen has whole fen', (most, ticks) => {
  expect(fenTicks(most)).toEqual(ticks);
});

it('parts of S100: shows times in China to the second, across midnight', () => {
  expect(chinaTime('2026-11-25T16:00:00Z')).toBe('2026-11-26 00:00:00');
  expect(dayStart('2026-11-26')).toBe('2026-11-25T16:00:00.000Z');
  expect(dayEnd('2026-11-26')).toBe('2026-11-26T16:00:00.000Z');
});

it.each([
  [
    '登录已失效，请重新登录 Please sign in again.',
    '登录已失效，请重新登录',
    'Please sign in again.',
  ],
  ['私钥是 PKCS#1 The key is PKCS#1.', '私钥是 PKCS#1', 'The key is PKCS#1.'],
  ['只有中文', '只有中文', '只有中文'],
  ['English only.', 'English only.', 'English only.'],
])('splits %s', (title, chinese, english) => {
  expect(inLanguage(title, 'zh-CN')).toBe(chinese);
  expect(inLanguage(title, 'en')).toBe(english);
});

it('makes a problem of whatever a proxy answers', () => {
  expect(problemOf(502, '<html>').code).toBe('unreadable');
  expect(problemOf(409, { code: 'a.b', title: '甲 A.' }).status).toBe(409);
});

it('exports text that no spreadsheet runs', () => {
  expect(cell('=HYPERLINK("x")')).toBe('"\'=HYPERLINK(""x"")"');
  expect(cell('＝1+1')).toBe("'＝1+1");
  expect(cell('-1.50')).toBe('-1.50');
  expect(cell('@a')).toBe("'@a");
  expect(csv([['a', null, 1]])).toBe('\ufeffa,,1\r\n');
});

it('has every text in both languages', () => {
  const Chinese = /[\u4e00-\u9fff]/;
  const all: [string, readonly string[]][] = Object.entries(texts);
  const same = all.filter(([, [zh, ...en]]) => !zh || en.some((one) => !one || Chinese.test(one)));
  expect(same).toEqual([]);
});

it('uses the same placeholders in both languages', () => {
  const names = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((one) => one[1]).sort();
  const all: [string, readonly string[]][] = Object.entries(texts);
  const odd = all.filter(([, pair]) => new Set(pair.map((one) => names(one).join())).size > 1);
  expect(odd).toEqual([]);
});
