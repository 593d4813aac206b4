import { cleanup, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mapOf, ROW, show } from './wizard';

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));
afterEach(cleanup);

it('S16: marks a row of the wizard as done and shows the map again', async () => {
  const done = mapOf([{ ...ROW, state: 'done' }], {
    is_ready: true,
    takes_payments: true,
    percent: 100,
  });
  const seen = show({
    'GET /api/merchant/v1/onboarding': mapOf([ROW]),
    'POST /api/merchant/v1/onboarding/rows/1.1/done': done,
  });
  const person = userEvent.setup();
  await person.type(await screen.findByLabelText('备注（选填）：谁在何时做了什么'), '已建');
  expect(screen.queryByText('100%')).toBeNull();
  await person.click(screen.getByRole('button', { name: '标记为已完成' }));
  expect(await screen.findByText('全部就绪，设备可以收款了。')).toBeTruthy();
  expect(screen.getByText('100%')).toBeTruthy();
  expect(seen.find((one) => one.method === 'POST')?.body).toEqual({ note: '已建' });
});

it('says to whoever takes payments already that they do, and no percentage', async () => {
  show({ 'GET /api/merchant/v1/onboarding': mapOf([ROW], { takes_payments: true }) });
  expect(await screen.findByText('已经可以收款。')).toBeTruthy();
  expect(screen.queryByText('40%')).toBeNull();
  expect(screen.queryByText('全部就绪，设备可以收款了。')).toBeNull();
});

it('tells a failure beside the open card, the reason first, and looks at it again by itself', async () => {
  const failed = {
    ...ROW,
    row: '4.1',
    code: 'reviewed',
    kind: 'auto',
    state: 'failed',
    title_zh: '提交审核',
    can_check: true,
    can_mark: false,
    reason: '截图不清晰',
    remedy_zh: '按原因修改',
  };
  const seen = show({
    'GET /api/merchant/v1/onboarding': mapOf([ROW, failed]),
    'POST /api/merchant/v1/onboarding/rows/4.1/check': mapOf([
      ROW,
      { ...failed, state: 'running', reason: null, remedy_zh: null },
    ]),
  });
  expect(await screen.findByText('下一步：创建小程序')).toBeTruthy();
  await waitFor(() => expect(seen.some((one) => one.path.endsWith('/rows/4.1/check'))).toBe(true));
  await waitFor(() => expect(screen.queryByText('支付宝：截图不清晰')).toBeNull());
});

const REVIEW = {
  ...ROW,
  row: '4.1',
  code: 'reviewed',
  kind: 'auto',
  can_run: true,
  can_mark: false,
  form: [
    {
      field: 'app_slogan',
      label_zh: '简介',
      label_en: 'Intro',
      kind: 'text',
      required: true,
      min: 2,
      max: 32,
      choices: [],
      value: '从前的',
      pattern: '',
      hint_zh: null,
      hint_en: null,
    },
  ],
};

it('keeps what is typed a moment later', async () => {
  const seen = show({
    'GET /api/merchant/v1/onboarding': mapOf([REVIEW]),
    'PUT /api/merchant/v1/onboarding/rows/4.1/draft': {},
  });
  const person = userEvent.setup();
  const box = await screen.findByLabelText('简介');
  expect((box as HTMLInputElement).value).toBe('从前的');
  await person.type(box, '字');
  expect(await screen.findByText('已自动保存')).toBeTruthy();
  expect(seen.find((one) => one.method === 'PUT')?.body).toEqual({
    form: { app_slogan: '从前的字' },
  });
});

it('shows what the door refuses of a form under its field, which gets the cursor', async () => {
  const fault = { pointer: '/form/app_slogan', message: '含有联系方式 It has a contact in it.' };
  const seen = show(
    { 'GET /api/merchant/v1/onboarding': mapOf([REVIEW]) },
    {
      'POST /api/merchant/v1/onboarding/rows/4.1/run': {
        status: 422,
        body: { code: 'invalid_body', title: '不符合要求 Not valid.', errors: [fault] },
      },
    },
  );
  const person = userEvent.setup();
  const box = await screen.findByLabelText('简介');
  await person.click(screen.getByRole('button', { name: '提交审核' }));
  const told = await screen.findByText('含有联系方式');
  expect(told.closest('.ant-form-item')).toBe(box.closest('.ant-form-item'));
  await waitFor(() => expect(document.activeElement).toBe(box));
  expect(document.querySelector('.ant-notification-notice')).toBeNull();
  expect(seen.find((one) => one.method === 'POST')?.body).toEqual({
    form: { app_slogan: '从前的' },
  });
  await person.type(box, '好');
  await waitFor(() => expect(screen.queryByText('含有联系方式')).toBeNull());
});

const field = (name: string, label: string, rule: object) => ({
  ...REVIEW.form[0],
  field: name,
  label_zh: label,
  label_en: name,
  value: '',
  ...rule,
});

it('says the rule of a field under it and sends nothing else', async () => {
  const phone = field('service_phone', '客服电话', {
    min: 5,
    max: 20,
    pattern: '^[0-9+ \\-]{5,20}$',
    hint_zh: '数字和 -',
    hint_en: 'Digits and -',
  });
  const form = [phone, field('app_desc', '描述', { min: 5, max: 20 })];
  const seen = show(
    { 'GET /api/merchant/v1/onboarding': mapOf([{ ...REVIEW, form }]) },
    { 'POST /api/merchant/v1/onboarding/rows/4.1/run': { body: mapOf([REVIEW]) } },
  );
  const person = userEvent.setup();
  const box = await screen.findByLabelText('客服电话');
  expect(screen.getByText('5–20 个字符')).toBeTruthy();
  await person.type(screen.getByLabelText('描述'), '一二三四五');
  await person.type(box, 'abc电话');
  const send = screen.getByRole('button', { name: '提交审核' });
  await person.click(send);
  const hint = '数字和 -';
  // Once as the hint, once as what is wrong.
  await waitFor(() => expect(screen.getAllByText(hint)).toHaveLength(2));
  expect(seen.some((one) => one.method === 'POST')).toBe(false);
  await person.clear(box);
  await person.type(box, ' 0571-88 ');
  await person.click(send);
  await waitFor(() => expect(seen.some((one) => one.method === 'POST')).toBe(true));
});

it('takes serials one a line, and says which rule they break', async () => {
  const form = [
    field('sn', '设备编号', {
      kind: 'serials',
      min: 1,
      max: 4000,
      pattern: '^[!-~]+$',
      hint_zh: '每行一个',
      hint_en: 'One a line',
    }),
  ];
  const row = { ...REVIEW, code: 'pushed', form };
  const seen = show(
    { 'GET /api/merchant/v1/onboarding': mapOf([row]) },
    { 'POST /api/merchant/v1/onboarding/rows/4.1/run': { body: mapOf([REVIEW]) } },
  );
  const person = userEvent.setup();
  const box = await screen.findByLabelText('设备编号');
  await person.type(box, 'SN1{enter}设备2');
  await person.click(screen.getByRole('button', { name: '下发到设备' }));
  await waitFor(() => expect(screen.getAllByText('每行一个')).toHaveLength(2));
  expect(seen.some((one) => one.method === 'POST')).toBe(false);
  await person.clear(box);
  await person.type(box, 'SN1{enter}SN2{enter}');
  await person.click(screen.getByRole('button', { name: '下发到设备' }));
  await waitFor(() =>
    expect(seen.find((one) => one.method === 'POST')?.body).toEqual({ form: { sn: 'SN1\nSN2' } }),
  );
});

const ABOUT = 'GET /api/public/v1/about';
const PAGE = 'http://127.0.0.1:9/';
const APP_ID = '2021000000000077';
const IOT = {
  ...ROW,
  row: '1.1',
  code: 'iot_enabled',
  help_zh: '小程序 > 设置 > 多端发布支持',
  where_url: 'https://open.alipay.com/develop/manage',
  state: 'failed',
  remedy: 'iot_not_enabled',
  remedy_zh: '设置 > 多端发布支持，再上传',
};

it('says in the sandbox how it is done there, and leads to the own app', async () => {
  const about = { version: '0', is_sandbox: true, sandbox_page: PAGE };
  show({
    'GET /api/merchant/v1/onboarding': mapOf([IOT as never], { app_id: APP_ID, next_row: '1.1' }),
    [ABOUT]: about,
  });
  expect(await screen.findByText(/在标着「您的应用」的卡片上点「IoT 端 · 未开通」/)).toBeTruthy();
  expect(screen.getByText(/先开通 IoT 端：点「前往沙箱支付宝」/)).toBeTruthy();
  expect(screen.queryByText('设置 > 多端发布支持，再上传')).toBeNull();
  // What is true of the real one is there for who asks.
  expect(screen.getByText(IOT.help_zh).closest('details')?.open).toBe(false);
  expect(screen.getByText(APP_ID)).toBeTruthy();
  const link = screen.getByRole('link', { name: '前往沙箱支付宝' });
  expect(link.getAttribute('href')).toBe(`${PAGE}#platform/${APP_ID}`);
});

const PRESS = /点「/;

it.each([
  ['iot_enabled', 'done', null],
  ['iot_enabled', 'blocked', null],
  ['released', 'done', null],
  ['package_uploaded', 'done', null],
  ['package_uploaded', 'running', '沙箱正在构建，几秒钟就好。'],
  ['reviewed', 'running', /点「前往沙箱支付宝」，在您的应用上自己点「通过」/],
])('tells no press of a button that is not there: %s %s', async (code, state, told) => {
  const row = { ...IOT, code, state, can_mark: false, remedy: null, remedy_zh: null };
  show({
    'GET /api/merchant/v1/onboarding': mapOf([row as never], { app_id: APP_ID, next_row: '1.1' }),
    [ABOUT]: { version: '0', is_sandbox: true, sandbox_page: PAGE },
  });
  const way = await screen.findByText(IOT.help_zh);
  expect(way.closest('details')?.open).toBe(false);
  const shown = way.closest('.body')?.textContent ?? '';
  if (told) expect(screen.getByText(told)).toBeTruthy();
  else expect(shown).not.toMatch(PRESS);
  expect(shown).not.toContain('由平台上传');
  expect(shown).not.toContain('填写资料');
});

it('leads nobody to the real Alipay before it is known whether this is the sandbox', async () => {
  let tell = (_: object) => {};
  const about = new Promise<object>((resolve) => {
    tell = resolve;
  });
  const seen = show(
    { 'GET /api/merchant/v1/onboarding': mapOf([IOT as never], { next_row: '1.1' }) },
    { [ABOUT]: () => about },
  );
  await waitFor(() => expect(seen.some((one) => one.path.endsWith('/onboarding'))).toBe(true));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(screen.queryByText(IOT.help_zh)).toBeNull();
  expect(document.querySelector(`[href="${IOT.where_url}"]`)).toBeNull();
  tell({ body: { version: '0', is_sandbox: true, sandbox_page: PAGE } });
  expect(await screen.findByRole('link', { name: '前往沙箱支付宝' })).toBeTruthy();
});

it('folds what was to do at the real Alipay once it is done', async () => {
  const row = { ...IOT, state: 'done', can_mark: false };
  show({
    'GET /api/merchant/v1/onboarding': mapOf([row as never], { app_id: APP_ID, next_row: '1.1' }),
    [ABOUT]: { version: '0', is_sandbox: false, sandbox_page: null },
  });
  expect((await screen.findByText(IOT.help_zh)).closest('details')?.open).toBe(false);
  expect(screen.getByText('这一步怎么做')).toBeTruthy();
});

it('says of the real Alipay what is there', async () => {
  show({
    'GET /api/merchant/v1/onboarding': mapOf([IOT as never], { app_id: APP_ID, next_row: '1.1' }),
    [ABOUT]: { version: '0', is_sandbox: false, sandbox_page: null },
  });
  expect((await screen.findByText(IOT.help_zh)).closest('details')).toBeNull();
  expect(screen.getByText('设置 > 多端发布支持，再上传')).toBeTruthy();
  expect(screen.queryByText(/沙箱/)).toBeNull();
  expect(screen.getByText(APP_ID)).toBeTruthy();
});

it('says beside the page what a row refuses as a whole', async () => {
  show(
    { 'GET /api/merchant/v1/onboarding': mapOf([REVIEW]) },
    {
      'POST /api/merchant/v1/onboarding/rows/4.1/run': {
        status: 409,
        body: { code: 'onboarding.running', title: '这一步正在进行 It runs.' },
      },
    },
  );
  const person = userEvent.setup();
  await screen.findByLabelText('简介');
  await person.click(screen.getByRole('button', { name: '提交审核' }));
  await waitFor(() =>
    expect(document.querySelector('.ant-notification-notice')?.textContent).toContain(
      '这一步正在进行',
    ),
  );
});
