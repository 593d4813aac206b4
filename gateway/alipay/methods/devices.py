"""Devices: binding them to a merchant, a shop and a mini program, and sending an app to them
(alipay-iot.md §5.1, §5.2).

It is not known which contract permits these calls. A refusal for lack of permission is therefore a
configuration error here, and the caller falls back to the manual step.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.alipay.methods.mini_program import AppId, AppVersion
from gateway.alipay.methods.row import (
    Method,
    Nothing,
    Params,
    ResponseData,
    Retry,
    Text,
    prefixed,
    reads,
)

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Pid = Annotated[str, Field(pattern=r"^2088\d{12}$")]
Side = Literal["direct", "indirect"]


class DeviceParams(Params):
    """One device, by Alipay's id or by supplier and serial number. Supplier ids differ by model, so
    Alipay's id is the better choice."""

    device_id_type: Literal["ID", "SN"]
    biz_tid: Id | None = None
    supplier_id: Id | None = None
    device_sn: Id | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        by_sn = self.supplier_id is not None and self.device_sn is not None
        if not (self.biz_tid is not None if self.device_id_type == "ID" else by_sn):
            raise ValueError("ID needs biz_tid; SN needs supplier_id and device_sn")
        return self


class MerchantDeviceParams(DeviceParams):
    merchant_type: Side = "direct"
    pid: Pid | None = None
    smid: Id | None = None
    shop_id: Id | None = None


class MiniAppDeviceParams(DeviceParams):
    merchant_id: Id
    merchant_id_type: Side = "direct"
    mini_app_id: AppId
    external_id: Id | None = None
    source: Pid | None = None


class OpenDeviceParams(DeviceParams):
    type: Id | None = None


class CommerceDeviceParams(DeviceParams):
    merchant_id: Id | None = None
    merchant_id_type: Side = "direct"
    app_type: Literal["MINI_APP"] = "MINI_APP"
    application_id: AppId
    shop_id: Id | None = None
    external_shop_id: Id | None = None
    external_id: Id | None = None
    source: Pid | None = None


class SupplierParams(Params):
    supplier_id: Id
    sn: Id


class AssetParams(Params):
    supplier_sn: Id | None = None
    item_id: Id | None = None
    device_sn: Id


class AssetPrincipal(Params):
    id: Id
    type: Id


class AssetBindParams(Params):
    supplier_id: Id
    device_sn: Id
    biz_tid: Id | None = None
    identify_type: Id | None = None
    principal: Annotated[list[AssetPrincipal], Field(min_length=1, max_length=10)] | None = None


class UpgradeParams(Params):
    """Sends a released version to devices: the manual's 服务分发."""

    sn: Annotated[list[Id], Field(min_length=1, max_length=100)]
    target_app_id: AppId
    target_app_version: AppVersion
    remark: Text | None = None


class MerchantDevice(ResponseData):
    merchant_type: str | None = None
    pid: str | None = None
    smid: str | None = None
    shop_id: str | None = None


class DeviceData(ResponseData):
    data: str | None = None


class Bound(ResponseData):
    biz_tid: str | None = None
    supplier_id: str | None = None
    device_sn: str | None = None
    merchant_id: str | None = None
    merchant_id_type: str | None = None
    app_type: str | None = None
    application_id: str | None = None
    shop_id: str | None = None
    external_shop_id: str | None = None
    external_id: str | None = None


class BoundList(ResponseData):
    bind_info_list: tuple[Bound, ...] = ()


class DeviceId(ResponseData):
    device_id: str | None = None


class Asset(ResponseData):
    biz_tid: str | None = None
    status: str | None = None
    bind_status: str | None = None
    merchant_pid: str | None = None
    isv_pid: str | None = None
    shop_id: str | None = None
    item_id: str | None = None
    biz_type: str | None = None


_REFUSALS = prefixed(
    "INVALID_PARAMETER DEVICE_ALREADY_BIND DEVICE_NOT_BIND DEVICE_NO_PERMISSION"
    " DEVICE_NOT_SUPPORT APP_NOT_ONLINE APP_VERSION_NOT_EXIST",
    "",
)
_MISSING = prefixed("DEVICE_NOT_EXIST", "")


def _row(
    name: str,
    params: type[Params],
    shape: type[ResponseData] = Nothing,
    *needed: str,
    retry: Retry = "same_request",
) -> Method:
    return Method(
        f"alipay.{name}", params, reads(shape, *needed), _REFUSALS,
        missing=_MISSING, retry=retry, timeout_s=15,
    )  # fmt: skip


IOT: tuple[Method, ...] = (
    _row("merchant.iot.device.bind", MerchantDeviceParams),
    _row("merchant.iot.device.query", DeviceParams, MerchantDevice, retry="free"),
    _row("merchant.iot.device.verify", MerchantDeviceParams, retry="free"),
    _row("open.iot.device.bind", MiniAppDeviceParams),
    _row("open.iot.device.unbind", MiniAppDeviceParams),
    _row("open.iot.device.query", OpenDeviceParams, DeviceData, retry="free"),
    _row("commerce.iot.device.bind", CommerceDeviceParams),
    _row("commerce.iot.device.unbind", CommerceDeviceParams),
    _row("commerce.iot.device.bind.query", DeviceParams, BoundList, retry="free"),
    _row("commerce.iot.device.baseinfo.query", SupplierParams, DeviceId, "device_id", retry="free"),
    _row("commerce.iot.mdeviceprod.device.query", AssetParams, Asset, "biz_tid", retry="free"),
    _row("commerce.iot.mdeviceprod.device.bind", AssetBindParams),
    _row("commerce.iot.mdeviceprod.device.unbind", AssetBindParams),
    _row("commerce.iot.device.upgradeapp.create", UpgradeParams, retry="never"),
)
