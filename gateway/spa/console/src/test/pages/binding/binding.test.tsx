/** The binding form before anything is bound: what is missing is named, what was typed stays. */
import { cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { keptDraft } from '../../../pages/binding/keptDraft';
import { answers } from '../../answers';
import { readyButton } from '../../buttons';
import { BOUND_APP, EMPTY, ownerWho, PAIR } from './binder';

const OWNER = ownerWho('apps.read', 'apps.write', 'orders.read', 'onboarding.check');
const THEIRS = `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A${'M'.repeat(360)}`;
const APP = {
  app_id: '2021000000000077',
  seller_id: '2088000000000077',
  alipay_public_key: THEIRS,
};

function show(replies: Parameters<typeof answers>[0] = {}) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/apps': { body: { items: [] } },
    'GET /api/merchant/v1/apps/changes': { body: { items: [] } },
    'GET /api/merchant/v1/apps/key-pairs': { body: { items: [] } },
    'GET /api/public/v1/about': { body: { version: '0', is_sandbox: true, sandbox_page: '/s' } },
    'POST /api/merchant/v1/apps/key-check': { body: { can_save: true, findings: [] } },
    ...replies,
  });
  window.history.replaceState(null, '', '/dragonfly?tab=iot');
  render(<Providers queries={makeQueries()} />);
  return { seen, person: userEvent.setup() };
}

const box = (label: string) => screen.findByLabelText<HTMLInputElement>(label);

/** Whatever the tab keeps, in one text. */
const tabKeeps = () => JSON.stringify(Object.entries(sessionStorage));

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('names what is needed before there is anything to check', async () => {
  const { seen, person } = show();
  await person.click(await screen.findByRole('button', { name: '检查' }));
  const nothing = '还没有可以检查的内容，请先填写：小程序 AppID、应用私钥、支付宝公钥';
  expect(await screen.findByText(nothing)).toBeTruthy();
  expect(screen.queryByText('可以保存')).toBeNull();
  // Passing through an empty box says no more.
  await person.click(await box('支付宝公钥'));
  await person.tab();
  expect(screen.queryByText('可以保存')).toBeNull();
  expect(seen.some((one) => one.path.endsWith('/key-check'))).toBe(false);
});

it('says what is missing beside what is right, and only then that it can be saved', async () => {
  const { person } = show();
  const theirs = await box('支付宝公钥');
  await person.click(theirs);
  await person.paste(THEIRS);
  await person.tab();
  expect(await screen.findByText('检查过的都对，还缺：小程序 AppID、应用私钥')).toBeTruthy();
  expect(screen.queryByText('可以保存')).toBeNull();
});

it('keeps the public entries of a new binding over a reload', async () => {
  const first = show();
  await first.person.type(await box('小程序 AppID'), APP.app_id);
  await first.person.type(await box('收款账户 PID'), APP.seller_id);
  await first.person.click(await box('支付宝公钥'));
  await first.person.paste(THEIRS);
  expect(
    screen.getByText('填写的内容保存在这个标签页里（不含私钥等机密），刷新后还在。'),
  ).toBeTruthy();
  cleanup();
  show();
  expect((await box('小程序 AppID')).value).toBe(APP.app_id);
  expect((await box('收款账户 PID')).value).toBe(APP.seller_id);
  expect((await box('支付宝公钥')).value).toBe(THEIRS);
});

it('keeps no private key, not even one in the wrong box', async () => {
  const { person } = show();
  await person.click(await screen.findByText('粘贴已有私钥'));
  const secret = `MIIEvQIBADANBgkqhkiG9w0BAQEFAASC${'S'.repeat(80)}`;
  await person.click(await box('应用私钥'));
  await person.paste(secret);
  await person.click(await box('支付宝公钥'));
  await person.paste(secret);
  await person.type(await box('小程序 AppID'), '2021');
  expect(tabKeeps()).toContain('2021');
  expect(tabKeeps()).not.toContain('SSSS');
});

it.each([
  ['PKCS#8', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ'],
  ['PKCS#1', 'MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun'],
  ['both in one', `${THEIRS}-----BEGIN PRIVATE KEY-----MIIEvQ`],
])('keeps what looks like a public key only: %s', (_, text) => {
  keptDraft.keep('m', null, { app_id: 'MIIEvQ', alipay_public_key: text });
  expect(keptDraft.of('m', null)).toEqual({});
  const pem = `-----BEGIN PUBLIC KEY-----\n${THEIRS}\n-----END PUBLIC KEY-----\n`;
  keptDraft.keep('m', null, { alipay_public_key: pem });
  expect(keptDraft.of('m', null)).toEqual({ alipay_public_key: pem });
  expect(keptDraft.of('other', null)).toEqual({});
});

const CERTIFICATE = `-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIB${'C'.repeat(64)}\n-----END CERTIFICATE-----\n`;

it.each([
  ['one', CERTIFICATE, true],
  ['a chain', CERTIFICATE + CERTIFICATE, true],
  ['a private key', CERTIFICATE.replaceAll('CERTIFICATE', 'PRIVATE KEY'), false],
  ['a private key behind one', `${CERTIFICATE}-----BEGIN PRIVATE KEY-----MIIEvQ`, false],
  ['a private key called one', CERTIFICATE.replace('MIIDdzCCAl+g', 'MIIEvQIBADAN'), false],
  ['nothing', ' ', false],
])('keeps what looks like certificates only: %s', (_, text, isKept) => {
  keptDraft.keep('m', null, { mode: 'cert', app_cert: text });
  expect(keptDraft.of('m', null)).toEqual(
    isKept ? { mode: 'cert', app_cert: text } : { mode: 'cert' },
  );
});

it('keeps certificates over a reload, also those that came from a file', async () => {
  const first = show();
  await first.person.click(await screen.findByText('公钥证书'));
  const [typed] = await screen.findAllByLabelText('支付宝公钥证书');
  await first.person.click(typed as HTMLElement);
  await first.person.paste(CERTIFICATE);
  const [, picker] = screen.getAllByLabelText<HTMLInputElement>('应用公钥证书');
  await first.person.upload(picker as HTMLInputElement, new File([CERTIFICATE], 'app.crt'));
  await waitFor(() => expect(tabKeeps()).toContain('app_cert'));
  cleanup();
  show();
  const [own] = await screen.findAllByLabelText<HTMLInputElement>('应用公钥证书');
  const [theirs] = screen.getAllByLabelText<HTMLInputElement>('支付宝公钥证书');
  expect([own?.value, theirs?.value]).toEqual([CERTIFICATE, CERTIFICATE]);
});

const BOUND = {
  ...BOUND_APP,
  app_id: APP.app_id,
  seller_id: APP.seller_id,
};

it('keeps what was changed of a bound record, says so, and takes it back on request', async () => {
  const replies = { 'GET /api/merchant/v1/apps': { body: { items: [BOUND] } } };
  const first = show(replies);
  const payee = await box('收款账户 PID');
  await first.person.clear(payee);
  await first.person.type(payee, '2088000000000099');
  await first.person.click(screen.getByText('粘贴已有私钥'));
  await first.person.click(await box('应用私钥'));
  await first.person.paste(`MIIEvQIBADANBgkqhkiG9w0BAQEFAASC${'S'.repeat(80)}`);
  await first.person.type(screen.getByLabelText('内容加密密钥 (AES)'), 'AESAESAES');
  expect(tabKeeps()).toContain('2088000000000099');
  expect(tabKeeps()).not.toMatch(/SSSS|AESAES/);
  cleanup();
  const second = show(replies);
  expect((await box('收款账户 PID')).value).toBe('2088000000000099');
  expect((await box('应用私钥')).value).toBe('');
  await second.person.click(screen.getByRole('button', { name: '放弃这些修改' }));
  expect((await box('收款账户 PID')).value).toBe(BOUND.seller_id);
  expect(screen.queryByLabelText('应用私钥')).toBeNull();
  expect(tabKeeps()).not.toContain('2088000000000099');
});

it('drops what was changed of a version that is not the newest any more', async () => {
  keptDraft.keep('m', BOUND, { seller_id: '2088000000000099' });
  show({ 'GET /api/merchant/v1/apps': { body: { items: [{ ...BOUND, version: 4 }] } } });
  expect((await box('收款账户 PID')).value).toBe(BOUND.seller_id);
  expect(screen.queryByRole('button', { name: '放弃这些修改' })).toBeNull();
});

it('keeps an app of the sandbox, says what is left to do, and forgets it once it is bound', async () => {
  const { person } = show({
    'POST /api/merchant/v1/apps/key-pairs': { status: 201, body: PAIR },
    'POST /api/merchant/v1/sandbox/apps': { status: 201, body: APP },
    'PUT /api/merchant/v1/apps': { body: {} },
  });
  await person.click(await screen.findByRole('button', { name: '生成 2048 位密钥对' }));
  expect(await screen.findByText(/把下面的应用公钥上传到支付宝/)).toBeTruthy();
  await person.click(await screen.findByRole('button', { name: '给我一个沙箱应用' }));
  expect(await screen.findByText(/支付宝公钥已经填好，检查后点「保存绑定」/)).toBeTruthy();
  expect(screen.queryByText(/把下面的应用公钥上传到支付宝/)).toBeNull();
  expect(tabKeeps()).toContain(APP.app_id);
  // One call to action: now it is to save.
  const again = await readyButton('给我一个沙箱应用');
  expect(again.className).not.toContain('primary');
  const save = screen.getByRole('button', { name: '保存绑定' });
  const beside = within(save.parentElement as HTMLElement);
  expect(beside.getByRole('link', { name: '回到开通向导' })).toBeTruthy();
  await person.click(save);
  await waitFor(() => expect(tabKeeps()).not.toContain(APP.app_id));
});
