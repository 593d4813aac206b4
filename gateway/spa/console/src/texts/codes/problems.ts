import type { Texts } from '../../pair';

/** What went wrong and what to do, by the code of the problem: [中文, English]. Every code that a
 * door of ours can answer stands here (tests/architecture/test_texts.py). */
export const problems = {
  'problem.other': ['没有成功，请稍后重试', 'It did not work; please try again later'],
  'problem.internal': [
    '系统出错了，我们已记录下来，请稍后重试',
    'Something failed on our side and was recorded; please try again later',
  ],
  'problem.invalid_body': ['有内容需要修改', 'Something you entered needs a change'],
  'problem.not_found': ['没有找到，可能已被移除', 'Not found; it may have been removed'],
  'problem.method_not_allowed': ['不能这样操作', 'This cannot be done here'],
  'problem.conflict': ['当前状态不允许此操作', 'This is not possible in the present state'],
  'problem.unavailable': ['服务暂不可用，请稍后重试', 'Not available just now; please try again'],
  'problem.unreachable': [
    '网络不通，请检查后重试',
    'The server cannot be reached; check the network',
  ],
  'problem.outcome_unknown': [
    '没有收到答复，不知道有没有成功。请先看页面上的结果，再决定要不要重试',
    'No answer came, so it is not known whether it was done. Look at the page before you try again',
  ],
  'problem.unreadable': [
    '服务没有正常应答，请稍后重试',
    'The server did not answer properly; try again',
  ],
  'problem.body.too_large': ['内容太长了', 'That is too much text'],
  'problem.http.version': [
    '网络中的代理太旧，请联系管理员',
    'A proxy on the way is too old; please ask your administrator',
  ],
  'problem.headers.too_large': ['请求太长了', 'The request is too long'],
  'problem.request.malformed': ['请求格式错误', 'The request is not well-formed'],
  'problem.request.late': ['网络太慢，请重试', 'The network was too slow; please try again'],
  'problem.rate.limited': ['操作太快了，请稍候再试', 'That was too fast; please wait a moment'],
  'problem.gateway.busy': ['系统繁忙，请稍后重试', 'The platform is busy; please try again'],
  'problem.gateway.no_signing_key': ['小程序没有可用的密钥', 'The mini program has no usable key'],
  'problem.upstream.unavailable': [
    '服务暂不可用，请稍后重试',
    'Not available just now; please try again',
  ],
  'problem.upstream.busy': ['系统繁忙，请稍后重试', 'The platform is busy; please try again'],
  'problem.upstream.no_answer': [
    '没有收到结果，请先查询，不要重复操作',
    'No answer came: look before doing it again',
  ],
  'problem.upstream.bad_answer': [
    '对方的应答无法识别，请稍后重试',
    'The answer could not be read; please try again',
  ],
  'problem.egress.app_not_bound': ['还没有绑定小程序', 'No mini program is bound yet'],
  'problem.egress.app_disabled': ['小程序已关闭', 'The mini program is switched off'],
  'problem.auth.unauthorized': ['请先登录', 'Please sign in first'],
  'problem.auth.session': [
    '登录已失效，请重新登录',
    'Your session has ended; please sign in again',
  ],
  'problem.auth.merchant_suspended': [
    '商户已被服务商停用，您已退出登录；请联系服务商',
    'The operator has suspended this merchant and signed you out; ask the operator',
  ],
  'problem.auth.csrf': ['页面已过期，请刷新', 'This page is out of date; please reload it'],
  'problem.auth.forbidden': [
    '您没有这项权限，请联系管理员',
    'You are not allowed to do this; ask an administrator',
  ],
  'problem.acting.elsewhere': [
    '这个窗口的商户已经换了，请重新打开',
    'This window shows another merchant than you now act for; open it again',
  ],
  'problem.sandbox.absent': ['这里不是沙箱', 'This is not the sandbox'],
  'problem.auth.bad_credentials': ['账号或密码不正确', 'The login or the password is not right'],
  'problem.auth.login_braked': ['尝试过多，请稍后再试', 'Too many attempts; please wait a while'],
  'problem.auth.step_up_needed': ['请再次输入密码', 'Please enter your password again'],
  'problem.auth.wrong_password': ['密码不正确', 'The password is not right'],
  'problem.auth.code_needed': ['还需要两步验证', 'A second factor is needed'],
  'problem.auth.wrong_code': [
    '验证码不正确或已用过，请输入最新的验证码',
    'The code is not right, or was used already; enter the newest one',
  ],
  'problem.auth.wrong_passkey': [
    '通行密钥未通过验证，请重试或换一种方式',
    'The passkey was not accepted; try again or use another way',
  ],
  'problem.auth.passkey_late': [
    '验证超时或已用过，请重试',
    'It took too long, or was used already; please try again',
  ],
  'problem.auth.passkey_copied': [
    '这个通行密钥可能被复制了，请换一种方式登录后移除它',
    'This passkey may have been copied: sign in another way and remove it',
  ],
  'problem.auth.api_key': ['API 密钥无效', 'The API key is not valid'],
  'problem.auth.device_signature': ['设备的签名不正确', 'The device’s signature is not right'],
  'problem.auth.replayed': ['请求已用过，请重试', 'This request was used before; try again'],
  'problem.auth.read_replayed': ['请求已用过，请重试', 'This request was used before; try again'],
  'problem.auth.clock_skew': ['设备的时间不准，请校准', 'The device’s clock is off; please set it'],
  'problem.binding.busy': [
    '此类操作繁忙，请稍后重试',
    'Too many of these are under way; try again',
  ],
  'problem.device.bad_message': ['消息内容不完整', 'The message is not complete'],
  'problem.binding.handle_taken': ['该登录后缀已被使用', 'This sign-in handle is in use'],
  'problem.binding.foreign_handle': [
    '@ 后面是另一商户的登录后缀，请换一个账号',
    'What follows the @ belongs to another merchant; choose another login',
  ],
  'problem.binding.weak_password': ['密码太弱', 'The password is too weak'],
  'problem.binding.passkey_known': ['该通行密钥已添加过', 'This passkey was added already'],
  'problem.binding.passkeys_full': [
    '通行密钥已达上限，请先移除一个',
    'You have reached the limit of passkeys; remove one first',
  ],
  'problem.binding.passkeys_unavailable': [
    '平台有 https 域名后才能使用通行密钥',
    'Passkeys need the platform on an https name',
  ],
  'problem.binding.second_factor_required': [
    '平台要求至少保留一种两步验证',
    'The platform asks for a second factor: one has to stay',
  ],
  'problem.binding.second_factor_set': [
    '已设置两步验证，请先移除',
    'A second factor is set up; remove it first',
  ],
  'problem.binding.link_wrong': [
    '链接无效或已过期，请重新索取',
    'The link is not valid any longer; ask for another',
  ],
  'problem.binding.login_taken': [
    '该账号已被使用，请换一个',
    'This login is in use; choose another',
  ],
  'problem.binding.merchant_exists': ['该商户已存在', 'This merchant exists already'],
  'problem.binding.store_name_taken': ['已有同名门店，请换一个名称', 'A store of that name exists'],
  'problem.binding.app_bound_elsewhere': [
    '该 AppID 已绑定到其他商户',
    'This AppID is bound to another merchant',
  ],
  'problem.binding.stale_version': [
    '内容已被他人修改，请刷新后再改',
    'Somebody else changed this meanwhile; reload, then change it',
  ],
  'problem.binding.own_rights': [
    '不能更改自己的角色或状态',
    'Nobody may change their own role or state',
  ],
  'problem.binding.last_owner': [
    '至少要保留一位可登录的商户管理员',
    'At least one owner must stay able to sign in',
  ],
  'problem.binding.unknown_stores': [
    '门店不存在，或该角色不能限定门店',
    'Unknown stores, or a role that is not limited to stores',
  ],
  'problem.binding.own_change': ['须由另一位有权限的人同意', 'Somebody else has to approve it'],
  'problem.binding.change_decided': [
    '该变更已处理或已过期',
    'It was decided already, or has expired',
  ],
  'problem.binding.too_many_changes': [
    '已有 100 项变更等待批准，请先处理一些',
    'A hundred changes wait for approval; decide some of them first',
  ],
  'problem.binding.setup_code_wrong': ['安装码不正确', 'The setup code is not right'],
  'problem.binding.first_run_over': [
    '平台已有管理员，请直接登录',
    'The platform already has an administrator; please sign in',
  ],
  'problem.binding.not_yet_approver': [
    '新建或重设的账号暂时不能复核他人的变更',
    'A new or reset account cannot approve others’ changes yet',
  ],
  'problem.binding.already_acting': ['请先结束当前的代操作', 'Stop the present acting first'],
  'problem.binding.not_by_acting': [
    '代操作不能做这件事',
    'This cannot be done on a merchant’s behalf',
  ],
  'problem.binding.grant_open': [
    '已有待处理或生效中的授权',
    'There is a request, or a grant, already',
  ],
  'problem.binding.grant_decided': [
    '该申请已处理、撤回或过期',
    'It was decided, taken back, or has expired',
  ],
  'problem.onboarding.blocked': ['请先完成前面的步骤', 'Earlier steps come first'],
  'problem.onboarding.running': ['这一步正在进行', 'This step is under way'],
  'problem.onboarding.not_ours': ['这一步需要您自己完成', 'This step is yours to do'],
  'problem.onboarding.finished': ['这一步已经完成', 'This step is done already'],
  'problem.onboarding.not_by_hand': [
    '这一步由系统检查，不能手动标记',
    'This step is checked automatically and cannot be marked',
  ],
  'problem.campaign.reward_pending': [
    '支付确认中，请稍后再试',
    'The payment is not confirmed yet; please try again',
  ],
  'problem.campaign.reward_revoked': [
    '该笔支付已退款，奖励已收回',
    'The payment was refunded, so its rewards were taken back',
  ],
  'problem.campaign.no_draw_left': ['抽奖次数已用完', 'This payment has no draw left'],
  'problem.campaign.changed': [
    '活动已被他人修改，请刷新',
    'Somebody else changed the campaign; please reload',
  ],
  'problem.device.unknown_store': ['没有这家门店', 'There is no such store'],
  'problem.device.unknown_code': ['激活码不存在，请核对', 'There is no such code; please check it'],
  'problem.device.code_used': [
    '激活码已用过，请重新生成',
    'The code was used already; make a new one',
  ],
  'problem.device.code_expired': [
    '激活码已过期，请重新生成',
    'The code has expired; make a new one',
  ],
  'problem.device.code_spoilt': [
    '激活码错误次数过多，请重新生成',
    'The code was tried too often; make a new one',
  ],
  'problem.device.code_ended': [
    '生成激活码的人已停用、换了角色或换了密码，请重新生成',
    'Whoever made the code has left the role or has a new password; make a new one',
  ],
  'problem.device.code_revoked': [
    '激活码已作废，请重新生成；商户停用期间请联系服务商',
    'The code was taken back: make a new one, or ask the operator while the merchant is suspended',
  ],
  'problem.device.stale_version': [
    '设备信息已被他人修改，请刷新后再改',
    'Somebody else changed the device meanwhile; reload, then change it',
  ],
  'problem.device.too_many_codes': [
    '未使用的激活码已有 100 个，请先使用或撤销一些',
    'A hundred codes wait to be used; use some, or take some back',
  ],
  'problem.device.revoked': [
    '设备已停用，重新激活后才能修改',
    'The device is revoked; enrol it again to change it',
  ],
  'problem.device.sn_mismatch': ['激活码属于另一台设备', 'The code is for another device'],
  'problem.payment.bad_auth_code': [
    '付款码无法识别，请重新扫码或刷脸',
    'This is no payment code; please scan again',
  ],
  'problem.payment.channel_not_configured': [
    '商户还没有开通这个支付渠道',
    'This payment channel is not set up',
  ],
  'problem.payment.request_mismatch': [
    '同一请求的内容前后不一致，请重新发起',
    'The same request came with other content; start again',
  ],
  'problem.payment.refund_mismatch': [
    '同一笔退款的内容前后不一致，请重新发起',
    'The same refund came with other content; start again',
  ],
  'problem.payment.unknown_store': ['没有这家门店', 'There is no such store'],
  'problem.payment.merchant_suspended': [
    '商户已停用，不能收款；请联系服务商',
    'The merchant is suspended and takes no payments; ask the operator',
  ],
  'problem.binding.merchant_suspended': [
    '商户已停用，不能登录；请联系服务商',
    'The merchant is suspended and nobody can sign in; ask the operator',
  ],
  'problem.payment.app_not_bound': [
    '还没有绑定小程序，请先走完开通向导',
    'No mini program is bound yet; follow the setup wizard',
  ],
  'problem.payment.order_active': [
    '该订单正在支付或已支付',
    'This order is being paid, or is paid',
  ],
  'problem.payment.not_refundable': [
    '当前状态不能退款',
    'This payment cannot be refunded in its present state',
  ],
  'problem.payment.refund_exceeds_paid': [
    '退款金额超过可退金额',
    'The refund is more than what is left',
  ],
} as const satisfies Texts;
