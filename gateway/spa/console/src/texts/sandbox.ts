/** The sandbox as a part of the console, and where the console can be opened: [中文, English]. */
export const sandbox = {
  'sandbox.open': ['打开沙箱支付宝', 'Open the sandbox Alipay'],
  'sandbox.go': ['前往沙箱支付宝', 'Go to the sandbox Alipay'],
  'sandbox.new_tab': ['（在新标签页打开）', '(opens in a new tab)'],
  'sandbox.app_title': [
    '在沙箱里练习：不需要真的应用',
    'Practising in the sandbox: no real app needed',
  ],
  'sandbox.app_lead': [
    '点一下：生成密钥对，把应用公钥交给沙箱，再把沙箱给的 AppID、PID 和支付宝公钥填到下面。您只需检查并保存。',
    'One click generates a key pair, hands its public half to the sandbox, and fills in the AppID, PID and Alipay public key that the sandbox gives. Then check and save.',
  ],
  'sandbox.app_get': ['给我一个沙箱应用', 'Give me a sandbox app'],
  'sandbox.app_got': [
    '已填好沙箱应用 {{app_id}}，请保存绑定。',
    'Filled in: sandbox app {{app_id}}. Now save the binding.',
  ],
  'sandbox.how': [
    '自己动手也可以：打开沙箱支付宝的“开放平台”，在“上传应用公钥”中粘贴并提交，它会给您 AppID 和支付宝公钥。',
    'Or open “Open platform” in the sandbox Alipay, paste under “Upload an application public key” and submit; it answers with the AppID and the Alipay public key.',
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
} as const satisfies Record<string, readonly [string, string]>;
