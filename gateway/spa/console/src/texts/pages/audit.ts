import type { Texts } from '../../pair';

/** The audit log: [中文, English]. */
export const audit = {
  'audit.title': ['审计日志', 'Audit log'],
  'audit.lead': [
    '只增不改；每条记录都与前一条链在一起，随时可以校验。',
    'Append-only; each entry is chained to the one before, and can be verified any time.',
  ],
  'audit.seq': ['序号', 'No.'],
  'audit.at': ['时间', 'Time'],
  'audit.actor': ['操作人', 'Actor'],
  'audit.action': ['事件', 'Event'],
  'audit.subject': ['对象', 'Subject'],
  'audit.address': ['来源地址', 'Address'],
  'audit.raw': ['下载原始记录（供技术支持使用）', 'Download the raw record for support'],
  'audit.before': ['变更前', 'Before'],
  'audit.after': ['变更后', 'After'],
  'audit.from': ['日期从', 'From'],
  'audit.to': ['日期到', 'To'],
  'audit.verify': ['校验完整性', 'Verify'],
  'audit.intact': [
    '链完整：共 {{entries}} 条，未被改动。',
    'Intact: {{entries}} entries, none altered.',
  ],
  'audit.anchored': [
    '截至第 {{seq}} 条，已在 {{at}} 签名并存到数据库之外；其后的记录尚未存证。',
    'Up to entry {{seq}} its head was signed and anchored outside the database at {{at}}; what follows is not anchored yet.',
  ],
  'audit.unanchored': [
    '还没有在数据库之外存证：能改写数据库的人可以重写整个日志。',
    'Nothing is anchored: whoever can write the database could write the whole chain anew.',
  ],
  'audit.gap': [
    '存证缺失：数据库说已存证的内容在存证文件中找不到。请立即联系平台安全人员。',
    'Anchors are missing: the file lacks what the database says was anchored. Call your security people at once.',
  ],
  'audit.forged': [
    '存证文件被改动：有一行的签名不对。请立即联系平台安全人员。',
    'The anchor file was altered: a line is not signed by us. Call your security people at once.',
  ],
  'audit.broken': [
    '链在第 {{seq}} 条断开：记录被改动过。请立即联系平台安全人员。',
    'Broken at entry {{seq}}: a record was altered. Call your security people at once.',
  ],
  'audit.empty': ['还没有记录', 'No entries yet'],
  'audit.empty_hint': [
    '登录、改密钥、退款等操作会记在这里。',
    'Sign-ins, key changes, refunds and the like are written here.',
  ],
} as const satisfies Texts;
