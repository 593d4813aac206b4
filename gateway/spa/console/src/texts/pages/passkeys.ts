import type { Texts } from '../../pair';

/** Passkeys: [中文, English]. */
export const passkeys = {
  'passkey.title': ['通行密钥', 'Passkeys'],
  'passkey.lead': [
    '用指纹、面容或设备密码代替验证码，也可代替密码确认敏感操作；钓鱼网站骗不走它。',
    'Your fingerprint, face or PIN instead of a code, and instead of the password before sensitive actions. A false site cannot steal it.',
  ],
  'passkey.name': ['名称', 'Name'],
  'passkey.name_hint': [
    '以后凭它辨认，例如“前台的手机”',
    'To tell it apart, such as “phone at the till”',
  ],
  'passkey.created': ['添加时间', 'Added'],
  'passkey.used': ['最近使用', 'Last used'],
  'passkey.never_used': ['还没有用过', 'Not used yet'],
  'passkey.add': ['添加通行密钥', 'Add a passkey'],
  'passkey.add_lead': [
    '接着由浏览器询问您的设备或密码管理器。',
    'Your browser then asks your device or your password manager.',
  ],
  'passkey.go_on': ['继续', 'Continue'],
  'passkey.added': ['通行密钥已添加', 'The passkey was added'],
  'passkey.codes': [
    '通行密钥已添加，请保存恢复码',
    'The passkey was added: save your recovery codes',
  ],
  'passkey.removed': ['通行密钥已移除', 'The passkey was removed'],
  'passkey.remove_sure': [
    '移除“{{name}}”？它将不能再用于登录。',
    'Remove “{{name}}”? It will not open this account any longer.',
  ],
  'passkey.full': ['已达上限，请先移除一个', 'You have reached the limit; remove one first'],
  'passkey.use': ['使用通行密钥', 'Use a passkey'],
  'passkey.or': ['或', 'or'],
  'passkey.no_name': [
    '平台还没有 https 域名，不能使用通行密钥。请联系服务商。',
    'Passkeys need an https name. Ask the operator of this platform.',
  ],
  'passkey.open_there': [
    '请改用 {{origin}} 打开本页，再添加通行密钥。',
    'Open this page at {{origin}} to add a passkey.',
  ],
  'passkey.insecure': [
    '当前连接不安全，浏览器不提供通行密钥。请用 https 打开。',
    'This connection is not secure, so the browser offers no passkeys. Open the page with https.',
  ],
  'passkey.unsupported': [
    '这个浏览器或设备不支持通行密钥。请更新浏览器，或换一种方式。',
    'This browser or device has no passkeys. Update the browser, or use another way.',
  ],
  'passkey.cancelled': [
    '已取消或超时。请重试，或换一种方式。',
    'It was cancelled, or took too long. Try again, or use another way.',
  ],
  'passkey.known': [
    '这台设备上的通行密钥已经添加过了。',
    'The passkey of this device was added already.',
  ],
  'passkey.elsewhere': [
    '通行密钥只能在平台的正式网址使用，请核对地址栏。',
    'Passkeys work only at the platform’s own address. Check the address bar.',
  ],
  'passkey.unverified': [
    '这台设备没有设置指纹、面容或 PIN，不能用作通行密钥。',
    'This device has no fingerprint, face or PIN set up, so it cannot hold a passkey.',
  ],
  'passkey.failed': [
    '没有成功，请重试，或换一种方式。',
    'It did not work. Try again, or use another way.',
  ],
} as const satisfies Texts;
