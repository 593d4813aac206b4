"""The problems of rows of the onboarding map.

Problem
└── Conflict            RowBlocked RowRunning RowNotRun    409
                        NotDoneByHand                      409
"""

from shared.errors import Conflict


class RowBlocked(Conflict):
    code = "onboarding.blocked"
    title = "请先完成前面的步骤 Earlier rows come first."


class RowRunning(Conflict):
    code = "onboarding.running"
    title = "这一步正在进行 This row is being carried out."


class RowNotRun(Conflict):
    code = "onboarding.not_ours"
    title = "这一步需要您自己完成 This row is not ours to carry out."


class NotDoneByHand(Conflict):
    code = "onboarding.not_by_hand"
    title = "这一步由系统检查或执行，不能手动标记 This row is checked or carried out, not marked."
