"""What a server process is given of ours: the command that was meant, and a safe environment."""

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
# A value in quotes or without them, and a comment after it.
_VALUE = re.compile(r"""(?:'([^']*)'|"([^"]*)"|(.*?))(?:\s+#.*)?$""")


def safe_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a server needs of the environment to run and reach the network, and no credentials.

    Locale, folders, proxies, CA files, and the settings of uv and npm. Both spellings of a
    proxy variable are kept.
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
    """The `NAME=value` lines of a file; `export`, quotes around a value and # lines are allowed.

    Raises:
        ValueError: The file cannot be read, or a line is none of these.
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
            raise ValueError(f"its envFile {path}:{number}: a line must be NAME=value")
        found = _VALUE.match(value)
        assert found  # its last part takes anything
        variables[name] = next(part for part in found.groups() if part is not None)
    return variables


def find_command(command: str, environ: Mapping[str, str], cwd: Path | None) -> str:
    """The program that `command` names: beside the running Python first, then on PATH.

    Beside Python comes first so that a server installed with this project is the one that runs,
    whether its environment is activated or not.

    Raises:
        FileNotFoundError: It is nowhere, in one sentence.
    """
    command = os.path.expanduser(command)
    if os.path.dirname(command):
        path = (cwd or Path.cwd()) / command
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
        raise FileNotFoundError(f"the command {command!r} is not there or cannot be executed")
    beside = shutil.which(command, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(command, path=environ.get("PATH", os.defpath))
    if found:
        return found
    raise FileNotFoundError(
        f"the command {command!r} was not found beside the running Python or on PATH; "
        "install it or give its full path"
    )
