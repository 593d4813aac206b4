/* Upload an application public key, get AppID and Alipay public key: what the open platform's page
   does. Whatever was given last stays in view until the page is closed. */
let given = null;
let typed = '';

export function keyCard({ h, w, ask, card, field, toast }, again) {
  const key = h('textarea', { rows: 4, required: true, maxlength: 16384, spellcheck: 'false', placeholder: 'MIIBIjANBgkq…', oninput: () => { typed = key.value; } });
  key.value = typed;
  const send = async (event) => {
    event.preventDefault();
    try {
      given = await ask('apps', { public_key: key.value });
      typed = '';
      toast(w('done'));
      await again();
    } catch (error) {
      fault.textContent = `${w('keyRefused')} ${error.message}`;
      key.setAttribute('aria-invalid', 'true');
      key.focus();
    }
  };
  const fault = h('p', { class: 'fault', role: 'alert', id: 'key-fault' });
  key.setAttribute('aria-describedby', 'key-fault');
  const form = h('form', { onsubmit: send }, field(w('ownKey'), key, 'whole'), fault,
    h('button', { class: 'main' }, w('giveApp')));
  const answer = given === null ? [] : [given_({ h, w, toast })];
  return card(w('uploadKey'), h('span', { class: 'hint' }, w('uploadKeyHint')), form, ...answer);
}

/** The three values that the merchant's binding form wants, each with a button that copies it. */
function given_({ h, w, toast }) {
  const row = (word, value) => h('div', { class: 'given' }, h('span', { class: 'hint' }, w(word)),
    h('code', {}, value), h('button', {
      type: 'button', 'aria-label': `${w('copy')} ${w(word)}`,
      onclick: async () => {
        await navigator.clipboard.writeText(value);
        toast(w('copied'));
      },
    }, w('copy')));
  return h('div', { class: 'answer', role: 'status' }, h('strong', {}, w('given')),
    row('appId', given.app_id), row('pid', given.seller_id), row('alipayKey', given.alipay_public_key));
}
