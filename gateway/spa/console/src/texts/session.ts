import type { Texts } from '../pair';

/** The session: what it is asked again, and where it belongs: [中文, English]. */
export const session = {
  'place.over': ['代操作已结束', 'Acting has ended'],
  'place.over_why': [
    '您不再代“{{was}}”操作：到了时间，被商户结束，或您在另一个窗口结束了。本页没有保存的内容没有提交。',
    'You no longer act for “{{was}}”: its time was up, the merchant ended it, or you did in another window. What was not saved here was not sent.',
  ],
  'place.back': ['回到该商户的页面', 'To the merchant’s page'],
  'place.acting': ['另一个窗口开始了代操作', 'Acting began in another window'],
  'place.acting_why': [
    '您现在代“{{now}}”操作，而这个窗口显示的是“{{was}}”。为免存错地方，本页已停下，没有保存的内容没有提交。',
    'You now act for “{{now}}”, and this window showed “{{was}}”. So that nothing is saved in the wrong place it has stopped; what was not saved was not sent.',
  ],
  'place.act_here': ['在这里也代“{{now}}”操作', 'Act for “{{now}}” here, too'],
  'place.other': ['另一个窗口换了账号', 'Another account is signed in'],
  'place.other_why': [
    '这个浏览器已在另一个窗口用别的账号登录。本页已停下，没有保存的内容没有提交。',
    'In another window of this browser somebody signed in with another account. This page has stopped; what was not saved was not sent.',
  ],
  'place.go_on': ['用新账号继续', 'Go on with that account'],
  'limited.note': [
    '平台为您重设了登录：{{until}} 之前不能退款、改收款账户和密钥、管理人员和授权。',
    'The platform has reset your sign-in: until {{until}} you cannot give refunds, change payees or keys, manage people, or agree to acting.',
  ],
  'again.title': ['登录已失效', 'Your session has ended'],
  'again.why': [
    '请为 {{login}} 再输入一次密码。您填写的内容还在，登录后继续。',
    'Enter the password of {{login}} once more. What you entered is still here and goes on.',
  ],
  'again.leave': ['放弃并退出', 'Leave without saving'],
  'stepup.title': ['请再次输入密码', 'Please enter your password again'],
  'stepup.why': [
    '这是敏感操作。确认后 5 分钟内不再询问。',
    'This is a sensitive action. You will not be asked again for 5 minutes.',
  ],
} as const satisfies Texts;
