import type { Texts } from '../../pair';

/** Devices and their codes: [中文, English]. */
export const devices = {
  'devices.title': ['设备', 'Devices'],
  'devices.lead': [
    '已激活的蜻蜓设备，和它们最近一次出现的时间。',
    'Enrolled Dragonfly devices and when they were last seen.',
  ],
  'devices.sn': ['设备编号 (SN)', 'Serial number'],
  'devices.model': ['设备型号', 'Model'],
  'devices.enrolled': ['激活时间', 'Enrolled'],
  'devices.seen': ['最近在线', 'Last seen'],
  'devices.unseen_24h': ['超过 24 小时前', 'Over 24 hours ago'],
  'devices.status': ['状态', 'Status'],
  'devices.active': ['使用中', 'Active'],
  'devices.revoked': ['已停用', 'Revoked'],
  'devices.code': ['生成激活码', 'New enrolment code'],
  'devices.code_for': ['激活码用于哪家门店？', 'Which store is the device for?'],
  'devices.code_shown': [
    '在设备上输入此码，{{until}} 前有效，只能用一次。',
    'Enter this code on the device; it works once, until {{until}}.',
  ],
  'devices.revoke': ['停用', 'Revoke'],
  'devices.revoke_sure': [
    '停用后这台设备立即不能收款，需要新的激活码才能恢复。',
    'The device can take no payment from now on; it needs a new code to come back.',
  ],
  'devices.empty': ['还没有设备', 'No devices yet'],
  'devices.empty_hint': [
    '生成一个激活码，在蜻蜓上打开小程序输入它，设备就会出现在这里。',
    'Make an enrolment code, enter it in the mini program on the Dragonfly, and the device appears here.',
  ],
  'devices.name': ['名称', 'Name'],
  'devices.name_hint': [
    '例如“收银台 1”。留空则显示设备编号。',
    'Such as “Till 1”. Left empty, the serial number is shown.',
  ],
  'devices.test_cashier': ['测试收银台', 'Test cashier'],
  'devices.last_payment': ['最近收款', 'Last payment'],
  'devices.edit': ['改名或换门店', 'Rename or move'],
  'devices.changed': ['设备已更新', 'The device is updated'],
  'devices.revoke_done': ['设备已停用', 'The device is revoked'],
  'devices.move_note': [
    '换门店后，新的收款计入新门店；正在进行的收款和以前的订单不变。',
    'Payments from now on count for the new store. Running payments and earlier orders stay as they are.',
  ],
  'devices.find': ['名称或设备编号', 'Name or serial number'],
  'devices.find_hint': ['输入其中几位', 'Any part of it'],
  'devices.open_codes': ['还没有使用的激活码', 'Codes waiting for a device'],
  'devices.code_ends': ['尾号 {{end}}', 'ends with {{end}}'],
  'devices.code_until': ['{{until}} 前有效', 'valid until {{until}}'],
  'devices.code_only': ['只能用于 {{sn}}', 'for {{sn}} only'],
  'devices.code_revoke': ['撤销', 'Revoke'],
  'devices.code_revoke_sure': ['撤销后这个激活码立即失效。', 'The code stops working at once.'],
  'devices.code_revoke_done': ['激活码已撤销', 'The code is revoked'],
  'devices.code_made': ['激活码已生成', 'Enrolment code made'],
  'devices.code_used': ['设备已激活', 'Device enrolled'],
  'devices.code_done': [
    '设备已激活，可以收款了。',
    'The device is enrolled and can take payments.',
  ],
  'devices.no_store_hint': [
    '每个激活码属于一家门店。建好门店后再回到这里。',
    'Each code belongs to a store. Come back when there is one.',
  ],
  'devices.code_waiting': ['正在等待设备激活…', 'Waiting for the device…'],
  'devices.how': ['怎么激活一台设备', 'How to enrol a device'],
  'devices.how_1': [
    '点“生成激活码”，选择门店。激活码 10 分钟内有效，只能用一次。',
    'Press “New enrolment code” and choose the store. The code is valid for ten minutes and works once.',
  ],
  'devices.how_2': [
    '在蜻蜓上打开您的小程序，扫描二维码，或输入激活码。',
    'Open your mini program on the Dragonfly and scan the QR code, or type the code.',
  ],
  'devices.how_3': [
    '设备随即出现在这张列表里，可以收款了。',
    'The device then appears in this list and can take payments.',
  ],
  'devices.how_sandbox': [
    '手边没有设备？沙箱里在项目目录运行这条命令，它会询问激活码，然后成为一台设备：',
    'No device at hand? In the sandbox run this command in the project’s folder. It asks for the code and becomes a device:',
  ],
  'devices.how_browser': [
    '也可以打开“测试收银台”，让这个浏览器当一台设备',
    'Or open the test cashier and let this browser be the device',
  ],
  'devices.empty_hint_read': [
    '请商户管理员生成激活码并激活设备。',
    'Ask the merchant’s owner to make a code and enrol the device.',
  ],
} as const satisfies Texts;
