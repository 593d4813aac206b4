import type { Texts } from '../../pair';

/** Stores, API keys, the merchant and its channels: [中文, English]. */
export const settings = {
  'stores.title': ['门店', 'Stores'],
  'stores.lead': [
    '设备属于门店；报表按门店分。',
    'Devices belong to stores; reports are split by store.',
  ],
  'stores.name': ['门店名称', 'Name'],
  'stores.id': ['门店 ID', 'Store ID'],
  'stores.created': ['创建时间', 'Created'],
  'stores.made': ['门店已建好', 'The store is made'],
  'stores.changed': ['门店名称已更新', 'The store is renamed'],
  'stores.new': ['新建门店', 'New store'],
  'stores.empty': ['还没有门店', 'No stores yet'],
  'stores.empty_hint': [
    '先建一家门店，再把设备放进去。',
    'Make a store first, then put devices into it.',
  ],
  'keys_api.title': ['API 密钥', 'API keys'],
  'keys_api.lead': [
    '给收银系统 (POS/ERP) 用。密钥只显示一次，请立即保存。',
    'For a point of sale or ERP. The secret is shown once: copy it now.',
  ],
  'keys_api.name': ['名称', 'Name'],
  'keys_api.id': ['密钥 ID', 'Key ID'],
  'keys_api.store': ['门店', 'Store'],
  'keys_api.created': ['创建时间', 'Created'],
  'keys_api.used': ['最近使用', 'Last used'],
  'keys_api.never_used': ['还没有用过', 'Not used yet'],
  'keys_api.new': ['新建密钥', 'New key'],
  'keys_api.made': ['密钥已创建：{{name}}', 'Key made: {{name}}'],
  'keys_api.deleted': ['密钥已停用', 'The key is disabled'],
  'keys_api.secret': ['密钥', 'Secret'],
  'keys_api.once': [
    '离开后无法再次查看。请现在复制到收银系统。',
    'It cannot be shown again. Copy it into your system now.',
  ],
  'keys_api.how': ['怎样使用 API 密钥', 'How to use an API key'],
  'keys_api.how_see': [
    '怎样使用：本页的“怎样使用 API 密钥”里有可以照抄的示例。',
    'How to use it: “How to use an API key” on this page has an example to copy.',
  ],
  'keys_api.how_doors': [
    '用密钥可以读取订单：整个列表，或一笔订单。',
    'A key reads orders: the list, or a single one.',
  ],
  'keys_api.how_signed': [
    '密钥本身从不发送：用它给每个请求签名，签名放在请求头里。',
    'The secret itself is never sent: each request is signed with it, and the signature goes into the headers.',
  ],
  'keys_api.header': ['请求头', 'Header'],
  'keys_api.holds': ['内容', 'What it holds'],
  'keys_api.header_key': ['密钥 ID', 'The key ID'],
  'keys_api.header_timestamp': [
    '现在的时间（秒），与服务器相差不超过 5 分钟',
    'The time now in seconds, within 5 minutes of the server’s',
  ],
  'keys_api.header_nonce': [
    '32 位十六进制随机数，每个请求都不同',
    '32 random hex digits, new for each request',
  ],
  'keys_api.header_signature': [
    '签名，做法见下面的示例',
    'The signature; the example shows how it is made',
  ],
  'keys_api.example': ['示例程序', 'Example program'],
  'keys_api.your_id': ['<密钥 ID>', '<key ID>'],
  'keys_api.your_secret': ['<密钥>', '<secret>'],
  'keys_api.reference': [
    '完整的接口说明（筛选条件、翻页、错误）在平台源码中，可向服务商索取：',
    'The whole reference (filters, paging, errors) is in the platform’s source code; your operator has it:',
  ],
  'keys_api.delete': ['停用', 'Disable'],
  'keys_api.delete_sure': [
    '停用后使用它的系统立即无法调用，不能再启用。',
    'Systems that use it lose access at once; it cannot be enabled again.',
  ],
  'keys_api.empty': ['还没有 API 密钥', 'No API keys yet'],
  'keys_api.empty_hint': [
    '收银系统需要读取订单时再建。',
    'Make one when your point of sale has to read orders.',
  ],
  'wechat.title': ['微信小程序', 'WeChat mini program'],
  'wechat.lead': [
    '让设备也能收微信付款码（扫码支付）。',
    'Lets the device also take WeChat payment codes.',
  ],
  'settings.conflict': [
    '内容已被他人修改，已载入最新内容，请再改一次。',
    'Somebody else changed this; the latest was loaded. Please change it again.',
  ],
  'merchant.title': ['商户信息', 'Merchant'],
  'merchant.lead': ['名称、版本与安全选项。', 'Name, edition and security options.'],
  'merchant.name': ['商户名称', 'Name'],
  'merchant.id': ['商户 ID', 'Merchant ID'],
  'merchant.handle': ['登录后缀', 'Sign-in handle'],
  'merchant.handle_note': [
    '新员工的登录账号是“用户名@{{handle}}”。',
    'New staff sign in as username@{{handle}}.',
  ],
  'merchant.edition': ['版本', 'Edition'],
  'merchant.support': ['客服联系方式', 'Support contact'],
  'merchant.support_hint': [
    '遇到问题时联系谁；每位员工都能在账号菜单里看到。',
    'Who to contact when something goes wrong; everyone sees it in the account menu.',
  ],
  'merchant.dual': ['密钥变更需第二人复核', 'Key changes need a second approver'],
  'merchant.dual_hint': [
    '开启后，密钥、收款账户和启停的变更须另一人同意；关闭此项也一样。',
    'Changes of keys, of the payee and of the on/off switch then need another person’s approval; so does turning this off.',
  ],
  'wechat.coming': ['即将支持', 'Coming'],
  'wechat.coming_text': [
    '微信付款码收款还在开发中。上线前这里不需要填写任何资料，也请不要把微信支付的密钥交给任何人。',
    'Taking WeChat codes is being built. Until then there is nothing to fill in here; please hand WeChat Pay’s keys to nobody.',
  ],
  'wechat.meanwhile': [
    '现在顾客出示微信付款码时，设备会提示改用支付宝付款码或刷脸，不会扣款。',
    'When a customer shows a WeChat code today, the device asks for an Alipay code or a face instead. Nothing is charged.',
  ],
} as const satisfies Texts;
