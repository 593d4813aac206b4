"""The HTTP routes of onboarding and the key doctor."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Request

from services.binding.audit.record import PLATFORM_ACTOR
from services.binding.callers import MERCHANT, actor_of, deps_of
from services.binding.expensive import expensive
from services.binding.keys import generated as key_pairs
from services.binding.keys.schemas import AppId
from services.binding.models import KeyPair
from services.binding.onboarding import schemas, service
from services.binding.onboarding.checks import CHECKS, LIVE_CHECKED, RUNS
from services.binding.onboarding.map import Line, Map, may_be_marked, may_be_reopened, proposed
from services.binding.onboarding.remedies import GOES_TO, REMEDIES
from services.binding.onboarding.rows import CARDS, LOOKED_AT, RELEASES, STEPS, Row, Words
from services.binding.onboarding.service import Onboarding
from shared.contracts.fields import Text
from shared.contracts.principal import Principal
from shared.contracts.verdicts import NOT_SENT
from shared.keys.rsa_keys import PublicKey
from shared.web import guard, principal

RowNo = Annotated[str, Text(3, pattern=r"^[0-5]\.[0-9]$")]

_LOOKS = CHECKS.keys() | LIVE_CHECKED | LOOKED_AT
_ACTS = RUNS.keys() | RELEASES.keys()

router = APIRouter()


def _on(request: Request) -> Onboarding:
    found: Onboarding = request.app.state.onboarding
    return found


@router.get(f"{MERCHANT}/onboarding", dependencies=[guard("user", "apps.read")])
async def show_onboarding(request: Request, app_id: AppId | None = None) -> schemas.OnboardingOut:
    """The five steps of the setup, where each is done, and which are done already (S11-S16)."""
    caller = principal(request)
    return _map_out(await service.show(_on(request), caller.tenant, app_id), caller)


@router.post(
    f"{MERCHANT}/onboarding/rows/{{row}}/check", dependencies=[guard("user", "onboarding.check")]
)
async def check_row(request: Request, row: RowNo, body: schemas.RowBody) -> schemas.OnboardingOut:
    caller = principal(request)
    found = await service.check(_on(request), caller.tenant, row, body.app_id, actor_of(caller))
    return _map_out(found, caller)


@router.post(
    f"{MERCHANT}/onboarding/rows/{{row}}/run", dependencies=[guard("user", "onboarding.write")]
)
async def run_row(request: Request, row: RowNo, body: schemas.RunBody) -> schemas.OnboardingOut:
    caller = principal(request)
    found = await service.run(
        _on(request), caller.tenant, row, body.app_id, body.form, actor_of(caller)
    )
    return _map_out(found, caller)


@router.post(
    f"{MERCHANT}/onboarding/rows/{{row}}/done", dependencies=[guard("user", "onboarding.write")]
)
async def mark_row(request: Request, row: RowNo, body: schemas.DoneBody) -> schemas.OnboardingOut:
    caller = principal(request)
    found = await service.mark_done(
        _on(request), caller.tenant, row, body.app_id, body.note, actor_of(caller)
    )
    return _map_out(found, caller)


@router.post(
    f"{MERCHANT}/onboarding/rows/{{row}}/reopen", dependencies=[guard("user", "onboarding.write")]
)
async def reopen_row(request: Request, row: RowNo, body: schemas.RowBody) -> schemas.OnboardingOut:
    caller = principal(request)
    found = await service.reopen(_on(request), caller.tenant, row, body.app_id, actor_of(caller))
    return _map_out(found, caller)


@router.put(
    f"{MERCHANT}/onboarding/rows/{{row}}/draft",
    dependencies=[guard("user", "onboarding.write")],
    status_code=204,
)
async def keep_draft(request: Request, row: RowNo, body: schemas.DraftBody) -> None:
    """Stores the present texts of the row's form, complete or not."""
    caller = principal(request)
    await service.keep_draft(
        _on(request), caller.tenant, row, body.app_id, body.form, actor_of(caller)
    )


@router.post(
    f"{MERCHANT}/apps/key-check",
    dependencies=[guard("user", "onboarding.check"), expensive("keys")],
)
async def check_keys(request: Request, body: schemas.KeyCheckBody) -> schemas.DiagnosisOut:
    """The key doctor examines pasted keys and explains what is wrong. It stores nothing, and its
    response contains no secret."""
    secret = body.app_private_key
    found = await key_pairs.examine(
        deps_of(request),
        principal(request).tenant,
        app_id=body.app_id,
        private_text=secret.get_secret_value() if secret is not None else None,
        own_public_text=body.app_public_key,
        alipay_text=body.alipay_public_key,
        key_pair_id=body.key_pair_id,
    )
    return schemas.DiagnosisOut(
        findings=[
            schemas.FindingOut(
                field=finding.field,
                code=finding.code,
                level=finding.level,
                title=finding.title,
                remedy=finding.remedy,
            )
            for finding in found.findings
        ],
        private=_key_out(found.private),
        alipay=_key_out(found.alipay),
        can_save=found.can_save,
    )


@router.post(
    f"{MERCHANT}/apps/key-pairs",
    dependencies=[guard("user", "apps.write", step_up=True), expensive("keys")],
    status_code=201,
)
async def make_key_pair(request: Request) -> schemas.KeyPairOut:
    caller = principal(request)
    made = await key_pairs.make_key_pair(deps_of(request), caller.tenant, actor=actor_of(caller))
    return _pair_out(made)


@router.get(f"{MERCHANT}/apps/key-pairs", dependencies=[guard("user", "apps.read")])
async def list_key_pairs(request: Request) -> schemas.KeyPairList:
    """The generated key pair that is not bound yet, with its public key for Alipay. It stays here
    until it is bound, replaced by a newer one, or expires."""
    found = await key_pairs.newest_waiting(deps_of(request), principal(request).tenant)
    return schemas.KeyPairList(items=[] if found is None else [_pair_out(found)])


def _pair_out(pair: KeyPair) -> schemas.KeyPairOut:
    return schemas.KeyPairOut(
        key_pair_id=pair.key_pair_id,
        app_public_key=pair.app_public_key,
        fingerprint=pair.fingerprint,
        bits=pair.bits,
        created_at=pair.created_at,
        expires_at=pair.expires_at,
    )


@router.post(f"{MERCHANT}/apps/{{app_id}}/probe", dependencies=[guard("user", "onboarding.check")])
async def probe_app(request: Request, app_id: AppId) -> schemas.ProbeOut:
    """Sends one signed call to Alipay, to check that each side accepts the other's signature."""
    caller = principal(request)
    verdict = await service.probe_app(_on(request), caller.tenant, app_id, actor_of(caller))
    if verdict.state == "done":
        title = (
            "支付宝接受我们的签名，应答验签通过 "
            "Alipay accepts our signature, and we accept its own."
        )
        return schemas.ProbeOut(is_ok=True, findings=[_finding("doctor.probe", "ok", title)])
    code = verdict.remedy or "refused"
    words = REMEDIES[code]
    level = "warn" if verdict.state is None else "error"
    title = "联机检测没有通过 The live check did not pass."
    found = _finding(f"doctor.{code}", level, title, f"{words.zh} {words.en}.")
    return schemas.ProbeOut(is_ok=False, findings=[found])


def _finding(code: str, level: str, title: str, remedy: str = "") -> schemas.FindingOut:
    return schemas.FindingOut(
        field="app", code=code, level=cast(Any, level), title=title, remedy=remedy
    )


def _key_out(key: PublicKey | None) -> schemas.PublicKeyOut | None:
    if key is None:
        return None
    return schemas.PublicKeyOut(bits=key.bits, fingerprint=key.fingerprint, public_key=key.spki)


def _map_out(found: Map, caller: Principal) -> schemas.OnboardingOut:
    return schemas.OnboardingOut(
        app_id=found.app_id or None,
        is_ready=found.is_ready,
        takes_payments=found.takes_payments,
        percent=found.percent,
        next_row=found.next_row,
        steps=[
            schemas.StepOut(
                step=step,
                code=code,
                title_zh=title.zh,
                title_en=title.en,
                rows=[
                    _row_out(line, found, shows_people=caller.sees_people)
                    for line in found.lines
                    if line.row.step == step
                ],
            )
            for step, (code, title) in STEPS.items()
        ],
        cards=[
            schemas.CardOut(code=code, title_zh=title.zh, title_en=title.en, rows=list(rows))
            for code, title, rows in CARDS
        ],
    )


def _row_out(line: Line, found: Map, *, shows_people: bool) -> schemas.RowOut:
    row = line.row
    is_hidden = not shows_people and line.by != PLATFORM_ACTOR
    words = _remedy(line)
    is_open = line.state not in ("blocked", "running")
    return schemas.RowOut(
        row=row.row,
        code=row.code,
        kind=row.kind,
        state=line.state,
        title_zh=row.title.zh,
        title_en=row.title.en,
        help_zh=row.help.zh,
        help_en=row.help.en,
        where_url=row.where_url,
        copy_values=_copies(row.code, found),
        form=_fields_out(row, found) or None,
        can_check=row.row in _LOOKS and line.state != "blocked",
        can_run=row.row in _ACTS and is_open,
        can_mark=may_be_marked(line),
        can_reopen=may_be_reopened(line, found),
        evidence=dict(line.evidence or {}),
        optional=row.is_optional,
        reason=_reason(line),
        remedy=line.remedy,
        remedy_row=GOES_TO.get(line.remedy or ""),
        remedy_zh=words.zh if words else None,
        remedy_en=words.en if words else None,
        note=line.note,
        at=line.at,
        by=None if is_hidden else found.names.get(line.by or "", line.by),
    )


def _remedy(line: Line) -> Words | None:
    """The text of the remedy; when fields of the form do not fit, with their names."""
    invalid = (line.evidence or {}).get("invalid") or ()
    labels = [field.label for field in line.row.form if field.name in invalid]
    if line.remedy != NOT_SENT or not labels:
        return REMEDIES.get(line.remedy or "")
    zh, en = "、".join(label.zh for label in labels), ", ".join(label.en for label in labels)
    return Words(
        f"没有发给支付宝：请改正“{zh}”后再提交",
        f"Not sent to Alipay: correct “{en}”, then submit again",
    )


def _copies(code: str, found: Map) -> list[schemas.CopyOut]:
    if code != "domain_whitelist":
        return []
    return [
        schemas.CopyOut(label_zh="服务器域名", label_en="Server domain", value=host)
        for host in found.hosts
    ]


def _reason(line: Line) -> str | None:
    """The platform's own reason of a failed row."""
    evidence = line.evidence or {}
    reason = evidence.get("reject_reason") or evidence.get("message")
    return str(reason) if reason and line.state == "failed" else None


def _fields_out(row: Row, found: Map) -> list[schemas.FieldOut]:
    return [
        schemas.FieldOut(
            field=field.name,
            label_zh=field.label.zh,
            label_en=field.label.en,
            kind=field.kind,
            required=field.is_required,
            min=field.min,
            max=field.max,
            choices=list(field.choices),
            value=proposed(row, field.name, field.value, found),
            pattern=field.pattern,
            hint_zh=field.hint.zh if field.hint else None,
            hint_en=field.hint.en if field.hint else None,
        )
        for field in row.form
    ]
