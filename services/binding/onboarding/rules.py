"""The pace of checks, and the problems of rows of the onboarding map.

Problem
└── Conflict            RowBlocked RowRunning RowNotRun    409
                        NotDoneByHand RowFinished          409
"""

from shared.errors import Conflict

CHECK_AGAIN_S = (2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
"""The pauses between checks of what is under way at Alipay, a running row or a pending key version;
the last one repeats."""


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


class RowFinished(Conflict):
    code = "onboarding.finished"
    title = "这一步已经完成 This row is done already."
