import type { Texts } from '../pair';

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
  'sandbox.real_way': ['在真实的支付宝上怎么做', 'How it is done at the real Alipay'],
  'sandbox_way.enterprise_account': [
    '沙箱里不用登录支付宝：直接点「标记为已完成」。',
    'In the sandbox nobody signs in to Alipay: just press “Mark as done”.',
  ],
  'sandbox_way.mini_program': [
    '沙箱里不用填资料：点「去绑定密钥」，再点「给我一个沙箱应用」，就有小程序和它的 AppID。',
    'No form to fill in here: press “Bind the keys here”, then “Give me a sandbox app”, and there is a mini program with its AppID.',
  ],
  'sandbox_way.iot_enabled': [
    '点「前往沙箱支付宝」，在标着「您的应用」的卡片上点「IoT 端 · 未开通」，再回来标记为已完成。',
    'Press “Go to the sandbox Alipay”, press “IoT devices · off” on the card marked “Your app”, come back and mark this as done.',
  ],
  'sandbox_way.domain_whitelist': [
    '我们自动添加；在沙箱支付宝里，您的应用的「域名」一行能看到。',
    'We add them by ourselves; the sandbox Alipay shows them in the line “Domains” of your app.',
  ],
  'sandbox_way.signing_keys': [
    '点「去绑定密钥」，再点「给我一个沙箱应用」：沙箱收下应用公钥，支付宝公钥会自动填好。',
    'Press “Bind the keys here”, then “Give me a sandbox app”: the sandbox takes the application public key, and the Alipay public key is filled in.',
  ],
  'sandbox_way.app_bound': [
    '在绑定页点「保存绑定」，沙箱马上核对密钥。',
    'Press “Save the binding” on the binding page; the sandbox checks the keys at once.',
  ],
  'sandbox_way.package': [
    '沙箱里不需要代码包：由平台上传即可。',
    'Not needed in the sandbox: let the platform upload.',
  ],
  'sandbox_way.tool_installed': [
    '沙箱里不需要开发者工具：由平台上传即可。',
    'The tool is not needed in the sandbox: let the platform upload.',
  ],
  'sandbox_way.tool_signed_in': [
    '沙箱里不需要开发者工具：由平台上传即可。',
    'The tool is not needed in the sandbox: let the platform upload.',
  ],
  'sandbox_way.package_uploaded': [
    '点「由平台上传」，沙箱几秒钟就构建好。',
    'Press “Upload for me”; the sandbox builds it in a few seconds.',
  ],
  'sandbox_way.reviewed': [
    '填写资料后由我们提交；填了一半会自动保存。沙箱不到一分钟就给出结果；也可以点「前往沙箱支付宝」，在您的应用上自己点「通过」或「驳回」。',
    'Fill in the texts and we submit them; what you have typed is kept. The sandbox decides within a minute; or press “Go to the sandbox Alipay” and decide yourself with “Approve” or “Reject” at your app.',
  ],
  'sandbox_wait.reviewed': [
    '沙箱不到一分钟就给出结果；也可以点「前往沙箱支付宝」，在您的应用上自己点「通过」或「驳回」。',
    'The sandbox decides within a minute; or press “Go to the sandbox Alipay” and decide yourself with “Approve” or “Reject” at your app.',
  ],
  'sandbox_wait.package_uploaded': [
    '沙箱正在构建，几秒钟就好。',
    'The sandbox is building it; that takes a few seconds.',
  ],
  'sandbox_way.released': [
    '点「发布」，沙箱马上生效；也可以先灰度 10%、30%、50%。',
    'Press “Release”: in the sandbox it takes effect at once. Roll out to 10, 30 or 50 % first if you like.',
  ],
  'sandbox_way.face_to_face_enabled': [
    '沙箱应用一开始就有当面付，绑定密钥后会自动核实。在沙箱支付宝里您的应用上点「当面付」，可以关掉或打开它。',
    'A sandbox app begins with face-to-face pay; it is checked by itself once the keys are bound. “Face-to-face” at your app in the sandbox Alipay switches it off and on.',
  ],
  'sandbox_way.pushed': [
    '点「前往沙箱支付宝」，在「设备」中点「发货 3 台」，把设备号填到这里；没有设备也可以，用测试收银台收一笔即可。',
    'Press “Go to the sandbox Alipay”, press “Ship 3” under “Devices” and enter the serial numbers here; or do without a device and use the test cashier.',
  ],
  'sandbox_way.device_online': [
    '沙箱里这个浏览器就能当设备：启用测试收银台后，这里自动变为完成。',
    'In the sandbox this browser can be the device: start the test cashier, and this completes by itself.',
  ],
  'sandbox_fix.face_to_face_missing': [
    '该账号尚未开通当面付：点「前往沙箱支付宝」，在您的应用上点「当面付 · 未开通」，这里会自动再检查',
    'This account has no face-to-face pay: go to the sandbox Alipay and press “Face-to-face · off” at your app; it is checked again by itself',
  ],
  'sandbox_fix.iot_not_enabled': [
    '先开通 IoT 端：点「前往沙箱支付宝」，在您的应用上点「IoT 端 · 未开通」，然后再上传',
    'Enable it for IoT devices first: go to the sandbox Alipay, press “IoT devices · off” at your app; then upload again',
  ],
  'sandbox_fix.push_unknown': [
    '不知道沙箱是否收到了这次下发。点「前往沙箱支付宝」，在「设备」中查看这些设备：已下发的不用再下发；没有的，再下发一次。设备用激活码登录后，这一步自动完成',
    'It is not known whether the sandbox has this push. Go to the sandbox Alipay and look at these devices under “Devices”: if the push is there, do not push again; if it is not, push again. When a device has signed in with its code, this step completes by itself',
  ],
  'sandbox_fix.public_key_not_uploaded': [
    '沙箱不认识我们的签名：在绑定页点「给我一个沙箱应用」，或在沙箱支付宝的「上传应用公钥」中粘贴应用公钥',
    'The sandbox does not accept our signature: press “Give me a sandbox app” on the binding page, or upload the application public key in the sandbox Alipay',
  ],
  'sandbox_fix.app_unknown': [
    '沙箱没有这个 AppID：正式环境的 AppID 在这里不能用；在绑定页点「给我一个沙箱应用」',
    'The sandbox has no such AppID: an AppID of the production environment does not work here; press “Give me a sandbox app” on the binding page',
  ],
  'sandbox_fix.alipay_key_wrong': [
    '应答用保存的「支付宝公钥」验签不通过：在绑定页重新填写沙箱给出的支付宝公钥',
    'The answer does not verify with the stored Alipay public key: enter the one that the sandbox gave, on the binding page',
  ],
} as const satisfies Texts;
