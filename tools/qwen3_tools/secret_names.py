"""Which names say that their value is a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?|ACCESS_?|PRIVATE_?|SECRET_?)?KEY$|TOKEN$|SECRET|PASSWORD|PASSWD|PASSPHRASE"
    r"|AUTHORIZATION|(?:^|_)COOKIE$|CREDENTIAL$"
)


def secrets_of(named: Mapping[str, str]) -> list[str]:
    """Return the values whose names mark them as secret, such as those of a server's headers.

    Of `Bearer abc`, the secret is `abc`.
    """
    return [
        value.rpartition(" ")[2]
        for name, value in named.items()
        if _SECRET_NAME.search(re.sub(r"\W", "_", name).upper())
    ]
