// Drives npm alipay-sdk from JSON lines: one command in, one answer out, in order.
'use strict';
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');

const installed = createRequire(path.join(process.env.SDK_HOME, 'driver.cjs'));
const { AlipaySdk } = installed('alipay-sdk');
const inside = path.dirname(installed.resolve('alipay-sdk'));
// The request signer is not exported; exec() calls exactly this function.
const { sign, signatureV3 } = installed(path.join(inside, 'util.js'));
const { getSN } = installed(path.join(inside, 'antcertutil.js'));

const clients = new Map();

function open(asked) {
  const config = {
    appId: asked.app_id,
    privateKey: asked.private_key,
    gateway: asked.gateway,
    camelcase: false,
  };
  if (asked.certs) {
    config.appCertPath = asked.certs.app;
    config.alipayPublicCertPath = asked.certs.alipay;
    config.alipayRootCertPath = asked.certs.root;
  } else {
    config.alipayPublicKey = asked.alipay_public_key;
  }
  clients.set(asked.name, new AlipaySdk(config));
  return {};
}

async function call(asked) {
  const params = { bizContent: asked.biz };
  if (asked.notify_url) params.notifyUrl = asked.notify_url;
  try {
    const node = await clients.get(asked.name).exec(asked.method, params, { validateSign: true });
    return { verdict: 'verified', node };
  } catch (error) {
    return { verdict: 'refused', error: String(error.message) };
  }
}

const verifier = (key) => new AlipaySdk({ appId: 'x', privateKey: 'x', alipayPublicKey: key });

// As a request is signed: the SDK adds what is common, the case replaces it.
function signRequest(asked) {
  const { biz_content: _text, sign: _old, ...params } = asked.params;
  const config = {
    appId: params.app_id,
    charset: params.charset,
    version: params.version,
    signType: 'RSA2',
    privateKey: `-----BEGIN RSA PRIVATE KEY-----\n${asked.private_key}\n-----END RSA PRIVATE KEY-----`,
  };
  const { method, app_id: _app, charset: _charset, version: _version, sign_type: _type, ...rest } =
    params;
  if (asked.biz) rest.bizContent = asked.biz;
  return { sign: sign(method, rest, config).sign };
}

function answer(asked) {
  switch (asked.do) {
    case 'open': return open(asked);
    case 'call': return call(asked);
    case 'sign': return signRequest(asked);
    case 'sign_content': {
      const pem = `-----BEGIN RSA PRIVATE KEY-----\n${asked.private_key}\n-----END RSA PRIVATE KEY-----`;
      return { sign: signatureV3(asked.content, pem) };
    }
    case 'verify_request': {
      const { sign: signature, ...params } = asked.params;
      return { valid: verifier(asked.public_key).notifyRSACheck(params, signature, 'RSA2', true) };
    }
    case 'verify_notify':
      return { valid: verifier(asked.public_key).checkNotifySignV2(asked.fields) };
    case 'cert_sn': return { sn: getSN(asked.pem, asked.is_root) };
    default: return { error: `no ${asked.do}` };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let told;
    try {
      told = await answer(JSON.parse(line));
    } catch (error) {
      told = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
})();
