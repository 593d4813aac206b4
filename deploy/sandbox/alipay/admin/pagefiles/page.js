/* The sandbox's page: reads the admin door, shows what is there, presses its switches. */
import { faults } from '/page-faults.js';
import { keyCard } from '/page-keys.js';
import { words } from '/page-words.js';

const TABS = ['trades', 'requests', 'switches', 'platform', 'devices'];
const EVERY_MS = 3000;
const stored = (name, otherwise) => localStorage.getItem(`sandbox.${name}`) ?? otherwise;
/** #tab/app: whoever comes from the console finds the app marked that it is about. */
function place() {
  const [tab, app = ''] = location.hash.slice(1).split('/');
  return { tab: TABS.includes(tab) ? tab : 'trades', app: /^\d{1,32}$/.test(app) ? app : '' };
}
const state = {
  ...place(),
  language: stored('language', navigator.language.startsWith('zh') ? 'zh' : 'en'),
  theme: stored('theme', 'auto'),
  isLive: true,
  last: '',
};

const $ = (id) => document.getElementById(id);
const w = (name) => words[state.language][name] ?? name;
const stateWord = (name) => words[state.language].s[name] ?? name;
const isChinese = () => state.language === 'zh';
const faultName = (kind) => (isChinese() && faults[kind] ? `${faults[kind][0]} ${kind}` : kind);
const faultHelp = (one) => (isChinese() && faults[one.fault] ? faults[one.fault][1] : one.does);

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

async function ask(path, body, verb = body === undefined ? 'GET' : 'POST') {
  const answer = await fetch(`/admin/${path}`, {
    method: verb,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.error);
  return document_;
}

async function act(work) {
  try {
    await work();
    toast(w('done'));
  } catch (error) {
    toast(error.message);
  }
  await refresh(true);
}

let toastTimer;
function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('toast').classList.remove('shown'), 2600);
}

/* ---- small parts ---- */

const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const clockTime = (iso) =>
  iso ? new Date(iso).toLocaleString('sv-SE', { timeZone: 'Asia/Shanghai' }).slice(5) : '—';
const button = (word, work, kind = '') =>
  h('button', { type: 'button', class: kind, onclick: (event) => { event.stopPropagation(); act(work); } }, word);

const GOOD = ['TRADE_SUCCESS', 'RELEASE', 'accepted', 'EFFECTIVE', 'WAIT_RELEASE', 'TRADE_FINISHED'];
const WARN = ['WAIT_BUYER_PAY', 'AUDITING', 'BUILDING', 'GRAY', 'ISSUED', 'PENDING_RESTART', 'PENDING_NETWORK'];
const BAD = ['AUDIT_REJECT', 'AUDIT_OFFLINE', 'dropped'];
function tag(name, text = stateWord(name)) {
  const kind = GOOD.includes(name) ? 'good' : WARN.includes(name) ? 'warn' : BAD.includes(name) ? 'bad' : 'none';
  return h('span', { class: `tag ${kind}` }, text);
}

function table(columns, rows, open) {
  return h('table', {},
    h('thead', {}, h('tr', {}, columns.map(([word, , kind]) => h('th', { class: kind, scope: 'col' }, word)))),
    h('tbody', {}, rows.map((row) => h('tr', open ? {
      tabindex: 0,
      onclick: () => open(row),
      onkeydown: (event) => { if (event.key === 'Enter' && event.target === event.currentTarget) open(row); },
    } : {}, columns.map(([word, cell, kind]) => h('td', { class: kind, 'data-label': word }, cell(row)))))));
}

const empty = (word, hint = '') => h('div', { class: 'empty' }, h('strong', {}, w(word)), hint);
function card(title, tools, ...content) {
  return h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', {}, title), tools), content);
}

function sheet(title, ...content) {
  $('sheet-title').textContent = title;
  $('sheet-body').replaceChildren(...content);
  if (!$('sheet').open) $('sheet').showModal();
}

/* ---- tabs ---- */

async function showTrades() {
  const { trades, total } = await ask('platform/trades');
  const columns = [
    [w('time'), (one) => h('span', { class: 'mono' }, clockTime(one.created_at))],
    [w('order'), (one) => h('code', {}, one.out_trade_no)],
    [w('subject'), (one) => one.subject],
    [w('amount'), (one) => h('span', {}, h('span', { class: 'money' }, yuan(one.total_fen)),
      one.refunded_fen ? h('span', { class: 'hint' }, ` ${w('refunded')} ${yuan(one.refunded_fen)}`) : null), 'num'],
    [w('status'), (one) => tag(one.status)],
  ];
  return [card(w('trades'), h('span', { class: 'hint' }, `${trades.length} / ${total}`),
    trades.length ? table(columns, trades, openTrade) : empty('noTrades', w('emptyHint')))];
}

async function openTrade(row) {
  const path = `${encodeURIComponent(row.out_trade_no)}?app_id=${row.app_id}`;
  const trade = await ask(`trades/${path}`);
  const wanted = { out_trade_no: row.out_trade_no, app_id: row.app_id };
  const again = async (work) => { await work(); await openTrade(row); };
  const buyer = trade.status === 'WAIT_BUYER_PAY' ? [
    button(w('pays'), () => again(() => ask('buyers/pay', wanted)), 'main'),
    button(w('givesUp'), () => again(() => ask('buyers/pay', { ...wanted, then: 'closed' })), 'danger'),
  ] : [];
  const notify = trade.notify_url ? [button(w('notify'), () => again(() => ask(`notify/${path}`, {})))] : [];
  sheet(trade.out_trade_no, h('div', { class: 'actions' }, tag(trade.status), ...buyer, ...notify),
    h('pre', {}, JSON.stringify(trade, null, 2)));
}

async function showRequests() {
  const { requests } = await ask('requests?limit=100');
  const columns = [
    [w('time'), (one) => h('span', { class: 'mono' }, clockTime(one.received_at))],
    [w('method'), (one) => h('code', {}, one.method || '—')],
    [w('app'), (one) => h('code', {}, one.app_id || '—')],
    [w('verdict'), (one) => one.verdict === 'accepted' || one.verdict === 'dropped' ? tag(one.verdict)
      : h('span', { class: 'tag bad' }, one.verdict)],
    [w('code'), (one) => h('span', { class: 'mono' }, [one.code, one.sub_code].filter(Boolean).join(' '))],
  ];
  const open = (one) => sheet(`#${one.seq} ${one.method}`, h('pre', {}, JSON.stringify(one, null, 2)));
  return [card(w('requests'), null,
    requests.length ? table(columns, requests.reverse(), open) : empty('noRequests', w('emptyHint')))];
}

async function showSwitches() {
  const [{ faults }, { kinds }, clock, timing] = await Promise.all(
    [ask('faults'), ask('faults/kinds'), ask('clock'), ask('platform/timing')]);
  const columns = [
    [w('kind'), (one) => faultName(one.fault)],
    [w('method'), (one) => one.method ? h('code', {}, one.method) : w('anyMethod')],
    [w('hits'), (one) => String(one.hits), 'num'],
    [w('left'), (one) => one.left === null ? w('always') : String(one.left), 'num'],
    [w('args'), (one) => h('code', {}, JSON.stringify(one.args))],
    ['', (one) => button(w('turnOff'), () => ask(`faults/${one.fault_id}`, undefined, 'DELETE'))],
  ];
  return [
    card(w('switches'), faults.length ? button(w('clearAll'), () => ask('faults', undefined, 'DELETE'), 'danger') : null,
      faults.length ? table(columns, faults) : empty('noFaults'), faultForm(kinds)),
    h('div', { class: 'pair' }, clockCard(clock), timingCard(timing)),
  ];
}

function field(word, control, kind) {
  return h('label', { class: kind }, word, control);
}

function faultForm(kinds) {
  const kind = h('select', { name: 'fault' }, kinds.map((one) => h('option', { value: one.fault }, faultName(one.fault))));
  const does = h('p', { class: 'hint' }, faultHelp(kinds[0]));
  kind.addEventListener('change', () => { does.textContent = faultHelp(kinds[kind.selectedIndex]); });
  const method = h('input', { placeholder: 'alipay.trade.pay' });
  const times = h('input', { type: 'number', min: 1, placeholder: w('always') });
  const args = h('input', { placeholder: '{"ms": 3000}' });
  const send = (event) => {
    event.preventDefault();
    act(() => ask('faults', {
      fault: kind.value,
      ...(method.value ? { method: method.value } : {}),
      ...(times.value ? { times: Number(times.value) } : {}),
      ...(args.value ? { args: JSON.parse(args.value) } : {}),
    }));
  };
  return h('form', { onsubmit: send }, field(w('newFault'), kind, 'wide'), field(w('method'), method, 'wide'),
    field(w('times'), times), field(w('args'), args, 'wide'),
    h('button', { class: 'main' }, w('turnOn')), h('div', {}, does));
}

function clockCard(clock) {
  const jump = (word, seconds) => button(`+ ${w(word)}`, () => ask('platform/clock', { forward_s: seconds }));
  const speed = h('select', {}, [1, 10, 100, 1000, 10000].map((scale) =>
    h('option', { value: scale, selected: scale === clock.scale }, `× ${scale}`)));
  speed.addEventListener('change', () => act(() => ask('clock', { scale: Number(speed.value) })));
  return card(w('clock'), h('span', { class: 'tag' }, `× ${clock.scale}`),
    h('form', { onsubmit: (event) => event.preventDefault() }, field(w('speed'), speed),
      field(w('forward'), h('span', { class: 'actions' }, jump('hour', 3600), jump('day', 86400), jump('month', 2592000)))));
}

function timingCard(timing) {
  const inputs = Object.fromEntries(['build_s', 'audit_s', 'install_s'].map((name) =>
    [name, h('input', { type: 'number', min: 0, step: 'any', value: timing[name] })]));
  const audit = h('select', {}, [['passed', 'passed'], ['base_passed', 'base_passed'], ['rejected', 'rejected'], ['by_hand', 'byHand']]
    .map(([value, word]) => h('option', { value, selected: value === timing.audit }, w(word))));
  const send = (event) => {
    event.preventDefault();
    const seconds = Object.entries(inputs).map(([name, input]) => [name, Number(input.value)]);
    act(() => ask('platform/timing', { ...Object.fromEntries(seconds), audit: audit.value }));
  };
  return card(w('timing'), null, h('form', { onsubmit: send }, field(w('build'), inputs.build_s),
    field(w('audit'), inputs.audit_s), field(w('install'), inputs.install_s), field(w('verdictOf'), audit, 'wide'),
    h('button', { class: 'main' }, w('save'))));
}

async function showPlatform() {
  const [{ apps }, timing] = await Promise.all([ask('platform/apps'), ask('platform/timing')]);
  const others = apps.filter((one) => one.app_id !== state.app).slice(-20).reverse();
  const shown = [...apps.filter((one) => one.app_id === state.app), ...others];
  const full = await Promise.all(shown.map((one) => ask(`platform/apps/${one.app_id}`)));
  const upload = keyCard({ h, w, ask, card, field, toast }, () => refresh(true));
  const cards = full.length ? full.map((one) => appCard(one, timing)) : [card(w('platform'), null, empty('noApps'))];
  // One's own app is what one came for.
  return full[0]?.app_id === state.app ? [cards[0], upload, ...cards.slice(1)] : [upload, ...cards];
}

const AFTER = { passed: 'passesIn', rejected: 'rejectsIn', base_passed: 'admitsIn' };
function dueIn(version, timing) {
  const word = w(version.status === 'AUDITING' ? AFTER[timing.audit] ?? 'endsIn' : 'endsIn');
  return word.replace('{s}', Math.ceil(version.due_in_s));
}

function appCard(one, timing) {
  const path = `platform/apps/${one.app_id}`;
  const toggle = (name, word) => h('button', {
    type: 'button', 'aria-pressed': String(one[name]),
    onclick: () => act(() => ask(path, { [name]: !one[name] })),
  }, `${w(word)} · ${w(one[name] ? 'on' : 'off')}`);
  const columns = [
    [w('version'), (version) => h('code', {}, version.app_version)],
    [w('end'), (version) => version.bundle_id.includes('iot') ? 'IoT' : 'App'],
    [w('time'), (version) => h('span', { class: 'mono' }, clockTime(version.created_at))],
    [w('status'), (version) => h('span', {}, tag(version.status),
      version.gray_strategy ? ` ${version.gray_strategy.slice(1)}%` : null,
      version.due_in_s ? h('span', { class: 'hint' }, ` ${dueIn(version, timing)}`) : null,
      version.reject_reason ? h('span', { class: 'hint' }, ` ${version.reject_reason}`) : null)],
    [w('action'), (version) => versionActions(version)],
  ];
  const facts = [
    `AppID ${one.app_id}`, `PID ${one.seller_id}`,
    `${w('domains')} ${one.safe_domains.join(', ') || '—'}`, `${w('messages')} ${one.messages.length}`,
  ];
  const mine = one.app_id === state.app ? [h('span', { class: 'tag good' }, w('yours'))] : [];
  return card(one.app_name, h('div', { class: 'actions' }, ...mine, toggle('facetoface', 'facetoface'), toggle('iot_enabled', 'iot')),
    h('div', { class: 'facts' }, facts.map((fact) => h('span', {}, fact))),
    one.versions.length ? table(columns, [...one.versions].reverse(),
      (version) => sheet(version.app_version, h('pre', {}, JSON.stringify(version, null, 2)))) : empty('noVersions'));
}

function versionActions(version) {
  if (version.status !== 'AUDITING') return h('span', { class: 'hint' }, '—');
  const wanted = { app_id: version.app_id, app_version: version.app_version, bundle_id: version.bundle_id };
  return h('span', { class: 'actions' },
    button(w('approve'), () => ask('platform/reviews', { ...wanted, result: 'passed' }), 'main'),
    h('button', { type: 'button', class: 'danger', onclick: (event) => { event.stopPropagation(); askReason(wanted); } }, w('reject')));
}

function askReason(wanted) {
  const reason = h('input', { required: true, maxlength: 200 });
  const send = (event) => {
    event.preventDefault();
    $('sheet').close();
    act(() => ask('platform/reviews', { ...wanted, result: 'rejected', reason: reason.value }));
  };
  sheet(w('askReason'), h('form', { onsubmit: send }, field(w('reason'), reason, 'wide'),
    h('button', { class: 'main' }, w('reject'))));
  reason.focus();
}

async function showDevices() {
  const [{ devices, from, to, total }, { apps }] = await Promise.all(
    [ask('platform/devices?size=100'), ask('platform/apps')]);
  const columns = [
    [w('sn'), (one) => h('code', {}, one.sn)],
    [w('model'), (one) => one.model],
    [w('owner'), (one) => h('code', {}, one.owner_pid)],
    [w('running'), (one) => one.installed_version ? h('code', {}, `${one.installed_app_id} ${one.installed_version}`) : '—'],
    [w('task'), (one) => one.task ? tag(one.task.state) : '—'],
    ['', (one) => h('span', { class: 'actions' },
      button(w(one.connected ? 'disconnect' : 'connect'), () => ask(`platform/devices/${one.sn}`, { connected: !one.connected })),
      button(w('restart'), () => ask(`platform/devices/${one.sn}`, { restart: true })))],
  ];
  const owner = apps.find((one) => one.app_id === state.app) ?? apps.at(-1);
  const choice = h('select', { 'aria-label': w('owner') }, apps.map((one) =>
    h('option', { value: one.app_id, selected: one === owner }, `${one.app_name} ${one.app_id}`)));
  const ship = owner ? h('div', { class: 'actions' }, choice,
    button(w('ship'), () => ask('platform/devices', { app_id: choice.value, count: 3 }), 'main')) : null;
  return [card(`${w('devices')} ${total ? `${from}–${to} / ${total}` : ''}`, ship,
    devices.length ? table(columns, devices) : empty('noDevices'))];
}

/* ---- frame ---- */

const SHOW = {
  trades: showTrades, requests: showRequests, switches: showSwitches, platform: showPlatform, devices: showDevices,
};

async function refresh(isForced = false) {
  const tab = state.tab;
  const hasFocus = $('main').contains(document.activeElement) && document.activeElement !== $('main');
  if (!isForced && (hasFocus || $('sheet').open)) return;
  let parts;
  try {
    parts = await SHOW[tab]();
  } catch (error) {
    parts = [h('section', { class: 'card' }, h('div', { class: 'empty' }, error.message))];
  }
  if (tab !== state.tab) return;
  const next = parts.map((part) => part.outerHTML).join('');
  if (!isForced && next === state.last) return;
  state.last = next;
  $('main').replaceChildren(...parts);
}

function dress() {
  document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en';
  document.title = `${w('title')} · ${state.language === 'zh' ? '豆娘' : 'Damselfly'}`;
  if (state.theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = state.theme;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = w(element.dataset.word);
  $('language').textContent = state.language === 'zh' ? 'English' : '中文';
  $('language').lang = state.language === 'zh' ? 'en' : 'zh-CN';
  $('theme').textContent = w(state.theme);
  $('live').textContent = w('live');
  $('live').setAttribute('aria-pressed', String(state.isLive));
  $('sheet-close').textContent = w('close');
  $('tabs').replaceChildren(...TABS.map((name) => h('button', {
    type: 'button', role: 'tab', 'aria-selected': String(name === state.tab), 'aria-controls': 'main',
    onclick: () => { location.hash = name; },
  }, w(name))));
  for (const name of ['language', 'theme']) localStorage.setItem(`sandbox.${name}`, state[name]);
}

$('language').addEventListener('click', () => { state.language = state.language === 'zh' ? 'en' : 'zh'; dress(); refresh(true); });
$('theme').addEventListener('click', () => {
  const order = ['auto', 'light', 'dark'];
  state.theme = order[(order.indexOf(state.theme) + 1) % order.length];
  dress();
});
$('live').addEventListener('click', () => { state.isLive = !state.isLive; dress(); });
$('sheet-close').addEventListener('click', () => $('sheet').close());
addEventListener('hashchange', () => {
  const { tab, app } = place();
  // The tabs' own addresses name no app: the one that is marked stays so.
  Object.assign(state, { tab, app: app || state.app });
  dress();
  refresh(true);
});
setInterval(() => { if (state.isLive && !document.hidden) refresh(); }, EVERY_MS);
dress();
refresh(true);
