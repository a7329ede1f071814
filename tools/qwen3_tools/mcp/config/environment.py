"""Finds the command of a server process and builds its environment."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_SAFE = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ"),
        *("TMPDIR", "TEMP", "TMP"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("NODE_EXTRA_CA_CERTS", "PIP_CERT", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE", "DENO_CERT"),
        *("PIP_CACHE_DIR", "HF_HOME", "DENO_DIR"),
    }
)
_SAFE_PREFIXES = ("LC_", "XDG_", "UV_", "NPM_CONFIG_")
_CREDENTIAL = re.compile(r"TOKEN|PASSW|SECRET|CREDENTIAL|AUTH|USERNAME|(?:^|_)KEYS?(?:_|$)")

_SIGNED_IN_URL = re.compile(r"://[^/\s]*@")
# A value, possibly quoted, and an optional comment.
_VALUE = re.compile(r"""(?:'([^']*)'|"([^"]*)"|(.*?))(?:\s+#.*)?$""")


def safe_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Select the variables that a server needs to run and reach the network, without credentials.

    These are locale, folders, proxies, CA files, and the settings of uv and npm. Both spellings of
    a proxy variable are kept.
    """
    environ = os.environ if environ is None else environ
    return {key: value for key, value in environ.items() if _is_safe(key.upper(), value)}


def _is_safe(key: str, value: str) -> bool:
    if key in _SAFE:
        return True
    return (
        key.startswith(_SAFE_PREFIXES)
        and not _CREDENTIAL.search(key)
        and not _SIGNED_IN_URL.search(value)
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines of a file, with optional `export`, quotes and # comments.

    Raises:
        ValueError: The file cannot be read, or has an invalid line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"its envFile {path} cannot be read: {reason}") from None
    variables = {}
    for number, line in enumerate(lines, 1):
        line = line.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name:
            raise ValueError(f"its envFile {path}:{number}: expected NAME=value")
        found = _VALUE.match(value)
        assert found  # the last alternative matches anything
        variables[name] = next(part for part in found.groups() if part is not None)
    return variables


def find_command(command: str, environ: Mapping[str, str], cwd: Path | None) -> str:
    """Find the program for `command`: next to the running Python first, then on PATH.

    A server installed in the same environment is found even if the environment is not activated.

    Raises:
        FileNotFoundError: There is no such program.
    """
    command = os.path.expanduser(command)
    if os.path.dirname(command):
        path = (cwd or Path.cwd()) / command
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
        raise FileNotFoundError(f"the command {command!r} does not exist or is not executable")
    beside = shutil.which(command, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(command, path=environ.get("PATH", os.defpath))
    if found:
        return found
    raise FileNotFoundError(
        f"the command {command!r} was not found next to the running Python or on PATH; "
        "install it or give its full path"
    )
