"""The problems of changes that wait for a second person.

Problem
└── Conflict            ChangeDecided TooManyChanges       409
"""

from shared.errors import Conflict


class ChangeDecided(Conflict):
    code = "binding.change_decided"
    title = "该变更已处理或已过期 It was decided already, or has expired."


class TooManyChanges(Conflict):
    code = "binding.too_many_changes"
    title = (
        "待批准的变更已达 100 项，请先处理 A hundred changes wait for approval: decide some first."
    )
