"""Lists that a server sends page by page."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import mcp_types

logger = logging.getLogger(__name__)

_MOST_PAGES = 1_000

PageT = TypeVar("PageT", bound="mcp_types.PaginatedResult")


async def read_pages(
    what: str, read: Callable[[str | None], Awaitable[PageT | None]]
) -> list[PageT]:
    """Read a list to its end, or until a page repeats.

    Args:
        what: Names the list in a warning if it never ends.
        read: Returns the page at a cursor; None if there is no such list.
    """
    pages: list[PageT] = []
    seen: set[str] = set()
    cursor: str | None = None
    while (page := await read(cursor)) is not None:
        pages.append(page)
        cursor = page.next_cursor
        if not cursor:
            break
        if cursor in seen or len(pages) == _MOST_PAGES:
            logger.warning("%s does not end", what)
            break
        seen.add(cursor)
    return pages
