"""The texts of remedies: what to do about a row that is not done, by the remedy's stable name."""

from collections.abc import Mapping

from services.binding.onboarding.rows import Words

REMEDIES: Mapping[str, Words] = {
    "app_not_bound": Words(
        "请先在“IoT 小程序配置”中绑定小程序并打开开关",
        "Bind the mini program first, under IoT mini program, and switch it on"),
    "app_switched_off": Words(
        "小程序的开关是关闭的：在“IoT 小程序配置”中打开后才能收款",
        "The app is switched off: switch it on under IoT mini program, or nothing is sold"),
    "keys_not_checked": Words(
        "绑定的密钥还没有通过联机检测：先在“绑定记录”中点“联机检测”",
        "The bound keys have not passed the live check yet: run it on the binding page first"),
    "app_bound_elsewhere": Words(
        "该 AppID 已由另一商户证明为其所有",
        "Another merchant has proven that this AppID is theirs"),
    "face_to_face_missing": Words(
        "该支付宝账号尚未开通当面付：到商家中心签约“当面付”，通过后再点检查",
        "This Alipay account has no face-to-face pay: sign up in the merchant centre, then check"),
    "public_key_not_uploaded": Words(
        "开放平台不认识我们的签名：把本页的“应用公钥”上传到 开发设置 > 接口加签方式",
        "The open platform does not accept our signature: upload the application public key shown "
        "here under development settings > signing method"),
    "app_unknown": Words(
        "支付宝没有这个 AppID：核对 AppID，以及它是否属于本平台连接的环境（正式或沙箱）。"
        "正式环境的 AppID 在开放平台 控制台 > 应用详情 的顶部，沙箱的在 控制台 > 沙箱；"
        "两个环境的 AppID 不能混用",
        "Alipay has no such AppID: check the AppID, and that it belongs to the environment that "
        "this platform is connected to (production or sandbox). A production AppID stands at the "
        "top of the app's details in the console of the open platform, a sandbox AppID in the "
        "console under sandbox; neither works in the other environment"),
    "alipay_key_wrong": Words(
        "支付宝的应答用保存的“支付宝公钥”验签不通过：到开放平台重新复制“支付宝公钥”",
        "Alipay's answer does not verify with the stored Alipay public key: copy it again"),
    "platform_silent": Words(
        "暂时没有得到开放平台的答复，请稍后再点检查",
        "The open platform did not answer; check again in a moment"),
    "not_sent": Words(
        "没有发给支付宝：本平台自己没有接受这次请求，请联系平台的运营方",
        "Not sent to Alipay: this platform itself did not take the request; ask whoever runs it"),
    "not_taken": Words(
        "支付宝那边没有这次操作（没有送达，或已在支付宝撤回）：请再提交一次",
        "Alipay has nothing of it (it did not arrive, or was withdrawn there): submit it again"),
    "push_unknown": Words(
        "不知道支付宝是否收到了这次下发。到开放平台 服务分发 中查看这些设备：有这次下发，"
        "就等设备升级，不用再下发；没有，就再下发一次。设备用激活码登录后，这一步自动完成",
        "It is not known whether Alipay has this push. Look at these devices under service "
        "distribution on the open platform: if the push is there, wait for the devices to upgrade "
        "and do not push again; if it is not, push again. When a device has signed in with its "
        "code, this step completes by itself"),
    "not_permitted": Words(
        "开放平台没有授予此接口权限：请按左侧说明手动完成，再标记完成",
        "The open platform does not permit this call: do it by hand as described, then mark it "
        "done"),
    "domains_missing": Words(
        "白名单中还缺少我们的域名：点击“由我们添加”，或手动添加后再检查",
        "Some of our domains are missing: let us add them, or add them by hand and check"),
    "nothing_uploaded": Words(
        "IoT 端还没有任何版本：先上传代码包",
        "The IoT side has no version yet: upload the package first"),
    "no_template": Words(
        "平台尚未配置模板小程序：请联系服务商，或用开发者工具自行上传",
        "No template is set up on this platform: ask your provider, or upload with the tool"),
    "build_failed": Words(
        "开放平台构建失败：换一个更高的版本号再上传；仍失败请联系客服",
        "The platform could not build it: upload again under a higher version"),
    "version_too_low": Words(
        "版本号必须高于已有版本",
        "The version must be higher than the ones that exist"),
    "review_rejected": Words(
        "审核未通过：按原因修改，上传一个新版本，再次提交；上次填写的资料已保留",
        "Fix what it says, upload a new version and submit again; the texts you sent are kept"),
    "not_reviewed": Words("请先提交审核", "Submit it for review first"),
    "review_running": Words("审核中，通过后再上架", "Under review; release it after that"),
    "refused": Words(
        "按支付宝给出的原因修改后再试",
        "Change what Alipay names as the reason, then try again"),
    "iot_not_enabled": Words(
        "先开通 IoT 端：小程序 > 设置 > 多端发布支持，然后再上传",
        "Enable the mini program for IoT devices first: settings > multi-end release; then "
        "upload again"),
    "device_unknown": Words(
        "核对设备编号：这个编号在支付宝没有登记，它印在设备背面或设置 > 关于中",
        "Check the device number: Alipay has no such device. It is printed on the back, and under "
        "settings > about"),
    "device_not_yours": Words(
        "这台设备签约在别人的账号下：请签约方在服务分发中推送，或先转签约",
        "The contract of this device is held by somebody else: they have to push, or transfer it"),
    "another_in_review": Words(
        "另一个版本正在审核，等它结束后再提交",
        "Another version is under review; submit this one after that"),
    "not_released": Words(
        "还没有已上架的版本：先上架，再下发到设备",
        "No version is released yet: release one, then push it to devices"),
    "no_device_yet": Words(
        "还没有设备用激活码登录：在设备页生成激活码，并在设备上输入",
        "No device has signed in yet: make a code on the devices page and enter it on the device"),
    "no_store_yet": Words("还没有门店：先建一个", "There is no store yet: make one first"),
}  # fmt: skip

GOES_TO: Mapping[str, str] = {"iot_not_enabled": "1.3", "not_released": "4.2"}
"""The other row in which the missing thing is done; remedy -> row."""
