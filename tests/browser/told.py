"""What the setup wizard says, and what is typed into it, in both languages."""

RUNS = {
    "3.3": ("由平台上传", "Upload for me"),
    "4.1": ("提交审核", "Submit for review"),
    "4.2": ("发布", "Release"),
    "5.1": ("下发到设备", "Push to devices"),
}
"""what the button of a row that the platform carries out is called"""
REVIEW = {
    "英文名称": ("English name", "Tea house"),
    "小程序简介": ("Short introduction", "刷脸付款，一步到位，省心省力"),
    "小程序描述": (
        "Description",
        "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    ),
    "客服电话": ("Service phone", "4000000000"),
    "版本描述": (
        "What is new",
        "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
    ),
}


SAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "0.1": (
        ("同一个支付宝账号", "已开通则无需操作", "营业执照照片", "每日收款有限额", "门头照 1 张",
         "店铺地址", "联系人姓名、邮箱和手机"),
        ("with the same Alipay account", "there is nothing to do", "business licence",
         "A daily limit applies", "one photo of the shop sign", "the address",
         "a contact with e-mail and mobile"),
    ),
    "1.1": (
        ("必须是企业账号", "开发者中心 > 小程序", "收款始终进入该账号", "只决定返佣归谁"),
        ("must be an enterprise account", "developer centre > mini programs",
         "always lands in this account", "only decides who gets Alipay's rebate"),
    ),
    "1.3": (("多端发布支持",), ("multi-end release",)),
    "2.1": (("服务器域名白名单",), ("server domain whitelist",)),
    "2.4": (
        ("解压到一个新文件夹", "没有普通小程序代码包也可以刷脸支付", "优惠券和积分照常使用",
         "只是没有手机端商城"),
        ("unpack it into a new folder", "Face pay works without a package",
         "coupons and points stay usable", "only the shop on the phone is missing"),
    ),
    "3.1": (("Windows 或 Mac",), ("Windows or Mac",)),
    "3.2": (
        ("支付宝 IoT > 小程序", "支付宝扫码登录", "取消勾选", "成员管理"),
        ("Alipay IoT > mini program", "scanning", "un-tick both", "under members"),
    ),
}  # fmt: skip
"""what each row tells, by language: the sentences that the manual needs pages for"""
