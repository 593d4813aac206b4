"""The life of a mini program: versions, reviews, domains, texts, members (alipay-iot.md §4).

Nothing here moves money. Methods with `same_request` may be repeated after `unknown`: the platform
refuses a version that exists already, so a repeat does no harm.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.alipay.methods.pictures import Picture, WithPictures
from gateway.alipay.methods.row import (
    Flag,
    Method,
    Nothing,
    Params,
    ResponseData,
    Retry,
    prefixed,
    reads,
)

IOT_BUNDLE = "com.alipay.iot.xpaas"
"""the IoT client; the platform's default would be the wallet"""

AppId = Annotated[str, Field(pattern=r"^\d{16}$")]
AppVersion = Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){2,3}$")]
ServicePhone = Annotated[str, Field(pattern=r"^[0-9+ \-]{5,20}$")]
BundleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,64}$")]
SafeDomain = Annotated[
    str, Field(max_length=253, pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}$")
]
Word = Literal["true", "false"]


class NoParams(Params):
    pass


class BundleParams(Params):
    bundle_id: BundleId = IOT_BUNDLE


class VersionParams(BundleParams):
    app_version: AppVersion


class UploadParams(VersionParams):
    template_id: AppId
    template_version: AppVersion | None = None
    ext: Annotated[str, Field(min_length=2, max_length=32_768)] | None = None
    """JSON text that becomes the instance's ext.json"""


class ListParams(BundleParams):
    version_status: Annotated[str, Field(pattern=r"^[A-Z_]+(,[A-Z_]+)*$")] = (
        "INIT,AUDITING,AUDIT_REJECT,WAIT_RELEASE,BASE_AUDIT_PASS,GRAY,RELEASE,OFFLINE,AUDIT_OFFLINE"
    )
    """without it the platform returns nothing"""


class AuditParams(VersionParams, WithPictures):
    """The texts and pictures for a review; those that the platform has stored may be left out."""

    version_desc: Annotated[str, Field(min_length=30, max_length=500)]
    app_name: Annotated[str, Field(min_length=3, max_length=30)] | None = None
    app_english_name: Annotated[str, Field(min_length=3, max_length=30)] | None = None
    app_slogan: Annotated[str, Field(min_length=10, max_length=32)] | None = None
    app_desc: Annotated[str, Field(min_length=20, max_length=400)] | None = None
    mini_category_ids: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    region_type: Literal["GLOBAL", "CHINA", "LOCATION"] | None = None
    service_phone: ServicePhone | None = None
    service_email: Annotated[str, Field(min_length=3, max_length=128)] | None = None
    memo: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    test_accout: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """spelled like that by Alipay"""
    test_password: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    auto_online: Word | None = None
    audit_rule: Literal["NONE", "BASE_PROMOTE"] | None = None
    license_no: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    license_name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    license_valid_date: Annotated[str, Field(pattern=r"^[0-9\-]{8,10}$")] | None = None
    app_logo: Picture | None = None
    first_screen_shot: Picture | None = None
    second_screen_shot: Picture | None = None
    third_screen_shot: Picture | None = None
    fourth_screen_shot: Picture | None = None
    fifth_screen_shot: Picture | None = None
    first_license_pic: Picture | None = None
    second_license_pic: Picture | None = None
    out_door_pic: Picture | None = None


class GrayParams(VersionParams):
    gray_strategy: Literal["p10", "p30", "p50"]


class OnlineParams(VersionParams):
    downgrade: Word | None = None


class DomainParams(Params):
    safe_domain: SafeDomain


class ModifyParams(WithPictures):
    app_name: Annotated[str, Field(min_length=3, max_length=30)] | None = None
    app_english_name: Annotated[str, Field(min_length=3, max_length=30)] | None = None
    app_slogan: Annotated[str, Field(min_length=10, max_length=32)] | None = None
    app_desc: Annotated[str, Field(min_length=20, max_length=400)] | None = None
    mini_category_ids: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    service_phone: ServicePhone | None = None
    service_email: Annotated[str, Field(min_length=3, max_length=128)] | None = None
    app_logo: Picture | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to modify")
        return self


class NameParams(Params):
    app_name: Annotated[str, Field(min_length=3, max_length=30)]


class UsageParams(BundleParams):
    template_id: AppId
    template_version: AppVersion | None = None
    page_num: Annotated[str, Field(pattern=r"^[1-9]\d{0,5}$")] = "1"
    page_size: Annotated[str, Field(pattern=r"^[1-9]\d{0,2}$")] = "50"


class MemberParams(Params):
    logon_id: Annotated[str, Field(min_length=1, max_length=128)]
    role: Literal["DEVELOPER", "EXPERIENCER"]


class RoleParams(Params):
    role: Literal["DEVELOPER", "EXPERIENCER"] = "EXPERIENCER"


class Member(ResponseData):
    logon_id: str | None = None
    nick_name: str | None = None
    role: str | None = None
    status: str | None = None


class Members(ResponseData):
    app_member_info_list: tuple[Member, ...] = ()


class Build(ResponseData):
    """create_status: 0 queued, 1 building, 2 built, 3 failed, 5 timed out, 6 made."""

    build_status: str | None = None
    create_status: str | None = None
    need_rotation: Flag = None
    version_created: Flag = None


class VersionInfo(ResponseData):
    app_version: str
    bundle_id: str | None = None
    version_status: str | None = None
    version_description: str | None = None
    create_time: str | None = None
    base_audit: str | None = None
    promote_audit: str | None = None
    can_release: Flag = None


class Versions(ResponseData):
    app_version_infos: tuple[VersionInfo, ...] = ()
    app_versions: tuple[str, ...] = ()


class VersionDetail(ResponseData):
    app_version: str | None = None
    status: str | None = None
    reject_reason: str | None = None
    scan_result: str | None = None
    gmt_create: str | None = None
    gmt_apply_audit: str | None = None
    gmt_audit_end: str | None = None
    gmt_online: str | None = None
    gmt_offline: str | None = None
    gray_strategy: str | None = None
    base_audit: str | None = None
    promote_audit: str | None = None
    can_release: Flag = None


class AuditTaken(ResponseData):
    speed_up: Flag = None
    speed_up_memo: str | None = None


class Experience(ResponseData):
    status: str | None = None
    exp_qr_code_url: str | None = None
    exp_schema_url: str | None = None


class TemplateVersion(ResponseData):
    template_version: str | None = None
    version_status: str | None = None


class Template(ResponseData):
    mini_app_id: str | None = None
    app_name: str | None = None
    version_list: tuple[TemplateVersion, ...] = ()


class Templates(ResponseData):
    app_list: tuple[Template, ...] = ()


class TemplateUse(ResponseData):
    mini_app_id: str | None = None
    app_version: str | None = None


class TemplateUses(ResponseData):
    template_usage_info_list: tuple[TemplateUse, ...] = ()
    app_ids: tuple[str, ...] = ()


class BaseInfo(ResponseData):
    app_name: str | None = None
    app_english_name: str | None = None
    app_slogan: str | None = None
    app_logo: str | None = None
    app_desc: str | None = None
    category_names: str | None = None
    service_phone: str | None = None
    service_email: str | None = None
    safe_domains: tuple[str, ...] = ()
    package_names: tuple[str, ...] = ()


class Modified(ResponseData):
    modify_status: str | None = None


class NameCheck(ResponseData):
    check_code: str | None = None
    check_memo: str | None = None


_ODD = prefixed("INVALID_PARAMETER", "")
_VERSION = _ODD | prefixed(
    "TEMPLATE_NOT_EXIST TEMPLATE_VERSION_NOT_EXIST BUNDLE_NOT_ENABLED APP_VERSION_NOT_EXIST"
    " APP_VERSION_TOO_LOW APP_VERSION_STATUS_ERROR APP_VERSION_IN_AUDIT AUDIT_FIELD_MISSING",
    "",
)
_DOMAIN = _ODD | prefixed("SAFE_DOMAIN_INVALID SAFE_DOMAIN_LIMIT SAFE_DOMAIN_NOT_EXIST", "")
_MEMBER = _ODD | prefixed("MEMBER_EXIST MEMBER_NOT_EXIST", "")


def _row(
    name: str,
    params: type[Params],
    shape: type[ResponseData] = Nothing,
    *needed: str,
    refusals: frozenset[str] = _VERSION,
    retry: Retry = "same_request",
    uploads: bool = False,
) -> Method:
    return Method(
        f"alipay.open.mini.{name}", params, reads(shape, *needed), refusals,
        retry=retry, timeout_s=15, is_flat=uploads, takes_files=uploads,
    )  # fmt: skip


OPEN_PLATFORM: tuple[Method, ...] = (
    _row("version.upload", UploadParams, Build),
    _row("version.build.query", VersionParams, Build, retry="free"),
    _row("version.list.query", ListParams, Versions, retry="free"),
    _row("version.detail.query", VersionParams, VersionDetail, "status", retry="free"),
    _row("version.audit.apply", AuditParams, AuditTaken, uploads=True),
    _row("version.audit.cancel", VersionParams),
    _row("version.audited.cancel", VersionParams),
    _row("version.gray.online", GrayParams),
    _row("version.gray.cancel", VersionParams),
    _row("version.online", OnlineParams),
    _row("version.offline", VersionParams),
    _row("version.rollback", VersionParams),
    _row("version.delete", VersionParams),
    _row("experience.create", VersionParams),
    _row("experience.query", VersionParams, Experience, retry="free"),
    _row("experience.cancel", VersionParams),
    _row("templatelist.query", NoParams, Templates, refusals=_ODD, retry="free"),
    _row("template.usage.query", UsageParams, TemplateUses, retry="free"),
    _row("safedomain.create", DomainParams, refusals=_DOMAIN),
    _row("safedomain.delete", DomainParams, refusals=_DOMAIN),
    _row("baseinfo.query", NoParams, BaseInfo, refusals=_ODD, retry="free"),
    _row("baseinfo.modify", ModifyParams, Modified, uploads=True),
    _row("baseinfo.name.check", NameParams, NameCheck, refusals=_ODD, retry="free"),
    Method("alipay.open.app.members.create", MemberParams, reads(Nothing), _MEMBER,
           retry="same_request", timeout_s=10),
    Method("alipay.open.app.members.delete", MemberParams, reads(Nothing), _MEMBER,
           retry="same_request", timeout_s=10),
    Method("alipay.open.app.members.query", RoleParams, reads(Members), _MEMBER,
           retry="free", timeout_s=10),
)  # fmt: skip
