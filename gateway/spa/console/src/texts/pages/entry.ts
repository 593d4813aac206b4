import type { Texts } from '../../pair';

/** The pages before the sign-in: [中文, English]. */
export const entry = {
  'link.title': ['设置密码', 'Choose a password'],
  'link.lead': [
    '{{name}}，请为账号 {{login}} 设置密码。',
    '{{name}}, choose a password for {{login}}.',
  ],
  'link.lead_nameless': ['请为账号 {{login}} 设置密码。', 'Choose a password for {{login}}.'],
  'link.submit': ['保存并登录', 'Save and sign in'],
  'link.saved': ['密码已保存。', 'The password is saved.'],
  'link.sign_in': ['去登录', 'Go to the sign-in page'],
  'link.cut': ['链接不完整，请复制整条链接', 'The link is not complete; copy all of it'],
  'link.unreadable': ['链接无法读取', 'The link cannot be read'],
  'link.made': ['一次性链接已生成：{{login}}', 'One-time link made for {{login}}'],
  'link.link': ['一次性链接', 'One-time link'],
  'link.until': ['有效期至', 'Valid until'],
  'link.after': [
    '保存后生成一次性链接，由本人设置密码。',
    'After saving you get a one-time link; the person chooses the password with it.',
  ],
  'link.once': [
    '只显示一次，只能用一次。请当面或通过可信渠道交给本人。',
    'Shown once, and it works once. Hand it to the person directly, or over a channel you trust.',
  ],
  'link.new': [
    '新建或重设的账号在一段时间内（通常 24 小时）不能复核他人的变更。',
    'A new or reset account cannot approve the changes of others for a while (24 hours, as a rule).',
  ],
  'login.title': ['登录', 'Sign in'],
  'login.merchant': ['商户', 'Merchant'],
  'login.operator': ['服务商', 'Operator'],
  'login.console': ['登录到', 'Sign in to'],
  'login.login': ['账号', 'Login'],
  'login.hint': [
    '员工填写“用户名@登录后缀”，例如 zhou@tea',
    'Staff: username@handle, such as zhou@tea',
  ],
  'login.password': ['密码', 'Password'],
  'login.submit': ['登录', 'Sign in'],
  'login.code': ['验证码', 'Code'],
  'login.recovery_code': ['恢复码', 'Recovery code'],
  'login.recovery_hint': [
    '设备不在身边时，输入添加通行密钥时保存的一个恢复码。',
    'Without your device: one of the recovery codes that you saved.',
  ],
  'login.code_hint': [
    '身份验证器里的 6 位数字，或一个恢复码。',
    'The six digits of your authenticator app, or a recovery code.',
  ],
  'login.expired': ['登录已失效，请重新登录。', 'Your session has ended; please sign in again.'],
  'login.suspended': [
    '商户已被服务商停用，您已退出登录。恢复之前不能登录，请联系服务商。',
    'The operator has suspended this merchant and signed you out. Nobody can sign in until it is lifted; ask the operator.',
  ],
  'login.wrong_tab': [
    '您选的是“{{here}}”。账号属于{{there}}？换到“{{there}}”再试。',
    'You chose “{{here}}”. If the login belongs to the {{there}} side, try “{{there}}”.',
  ],
  'login.other_tab': ['换到“{{there}}”', 'Switch to “{{there}}”'],
  'login.password_blanks': [
    '密码前后有空格，会一起作为密码',
    'The password has spaces around it; they count as part of it',
  ],
  'login.sandbox': [
    '第一次来？演示账号和密码就在 make run 最后几行输出里。',
    'First time here? The demo logins are in the last lines that make run printed.',
  ],
  'first.title': ['初始化平台', 'Set up the platform'],
  'first.lead': [
    '这个平台还没有管理员。请创建第一位服务商管理员。',
    'This platform has no administrator yet. Create the first operator admin.',
  ],
  'first.code': ['安装码', 'Setup code'],
  'first.code_hint': [
    '在服务器上由 SETUP_CODE_FILE 指定的文件里，只能用一次。',
    'In the file on the server that SETUP_CODE_FILE names; it works once.',
  ],
  'first.login_hint': ['以后用它登录，例如邮箱', 'What you will sign in with, such as an e-mail'],
  'first.submit': ['创建并登录', 'Create and sign in'],
  'first.over': [
    '平台已有管理员，请直接登录。',
    'The platform already has an administrator; please sign in.',
  ],
  'login.point1': [
    '一份向导开通刷脸支付，每一步自动检查',
    'One wizard from zero to a working device; it checks each step by itself',
  ],
  'login.point2': [
    '密钥只写不读，贴错当场说明白',
    'Keys are write-only; a wrong paste is explained at once',
  ],
  'login.point3': [
    '每一笔都对得上账，结果未知绝不重复扣款',
    'Every payment reconciles; an unknown outcome is never charged twice',
  ],
  'insecure.title': ['请换一个地址打开', 'Please open another address'],
  'insecure.why': [
    '这个地址是 http，不是本机，浏览器不会保存登录状态，因此无法登录。',
    'This address is plain http and not this machine itself: the browser keeps no sign-in here, so nobody can sign in.',
  ],
  'insecure.https': [
    '从别的电脑打开：请让负责部署的人配置 https（PUBLIC_URL=https://…），再用 {{address}} 打开。',
    'From another computer: ask whoever runs the platform to set up https (PUBLIC_URL=https://…), then open {{address}}.',
  ],
  'insecure.local': ['就在服务器这台电脑上：打开', 'On the server’s own machine: open'],
} as const satisfies Texts;
