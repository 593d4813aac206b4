"""Who may speak, for whom, and how often."""

from tests.mutants.patch import Patch

DEVICE = "gateway/auth/device.py"
SIGNED = ("tests/unit/gateway/test_signed_request.py", "tests/unit/gateway/test_auth.py")

PATCHES = (
    Patch(
        DEVICE,
        "a device's body is outside its signature",
        "digest = hashlib.sha256(body).hexdigest()",
        'digest = hashlib.sha256(b"").hexdigest()',
        SIGNED,
    ),
    Patch(
        DEVICE,
        "a device's request never grows old",
        "if abs(self._clock.now().timestamp() - int(timestamp)) > CLOCK_WINDOW_S:",
        "if False:",
        SIGNED,
    ),
    Patch(
        DEVICE,
        "a device that was revoked speaks on",
        "isinstance(event, DeviceRevoked | DeviceEnrolled)",
        "isinstance(event, DeviceEnrolled)",
        SIGNED,
    ),
)
