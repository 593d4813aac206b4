"""Rules of staff, one-time links and API keys, and the problems.

Problem
├── Forbidden           OwnRights LinkWrong SetupCodeWrong 403
└── Conflict            LastOwner                          409
"""

from datetime import timedelta

from shared.errors import Conflict, Forbidden

LINK_LIFETIME = timedelta(hours=24)


class LinkWrong(Forbidden):
    """The same problem for a link that is unknown, used, replaced or too old."""

    code = "binding.link_wrong"
    title = "链接无效或已过期，请重新索取 The link is not valid any longer; ask for another."


class OwnRights(Forbidden):
    code = "binding.own_rights"
    title = "不能更改自己的角色或状态 Nobody may change their own role or state."


class LastOwner(Conflict):
    code = "binding.last_owner"
    title = "至少要保留一位可登录的商户管理员 At least one owner must stay able to sign in."


class SetupCodeWrong(Forbidden):
    """The same problem for a wrong code, a used code, and a file that cannot be read."""

    code = "binding.setup_code_wrong"
    title = "安装码不正确 The setup code is not right."
