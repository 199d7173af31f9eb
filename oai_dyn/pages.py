"""Pages of a list: a Record that knows its items and where the next page is.

Rules of this file: nothing is fetched here; a page is given a `fetch` that its client drives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from .codec import Record, as_records
from .errors import APIError, misfit
from .wire import Paging, Reply


class Turn(NamedTuple):
    """How a page goes on: its rule, the cursors used so far, and what fetches the page of a cursor."""

    rule: Paging
    seen: frozenset[str]
    fetch: Callable[[str], Any]
    make: Callable[[Any], Any] | None
    item: Any
    reply: Reply


Item = TypeVar("Item")


class BasePage(Record, Generic[Item]):
    """One page. It reads like the Record of its body; iterating it goes through this and every following page.

    `into=Page[Item]` keeps the page and makes each of its items an `Item`.
    """

    __slots__ = ("_turn",)
    _turn: Turn

    def __init__(self, data: Any, turn: Turn) -> None:
        # Some servers answer a list call with a bare array: it becomes the items of a page.
        super().__init__(data if isinstance(data, dict) else {turn.rule.items: data})
        self._turn = turn
        self._request_id, self._provider = turn.reply.request_id, turn.reply.provider

    def __reduce__(self) -> tuple[Any, ...]:
        # What travels is its Record, without the way to the next page.
        return Record, (dict(self.items()),), (None, {"_request_id": self._request_id, "_provider": self._provider})

    @property
    def here(self) -> list[Item]:
        """The items of this page alone, in their type."""
        found, turn = self.get(self._turn.rule.items), self._turn
        if not isinstance(found, list):
            return []
        as_records(found)
        if turn.make is None:
            return found
        made: list[Item] = []
        for item in found:
            try:
                made.append(turn.make(item))
            except Exception as error:
                raise misfit(error, turn.reply._replace(data=item), turn.item) from error
        return made

    def next_cursor(self) -> str | None:
        """What the next page is asked for with, None at the end. Raises `APIError` for a cursor that came before."""
        rule = self._turn.rule
        if not rule.cursor or (rule.more is not None and self.get(rule.more) is False):
            return None
        value: Any = self
        for step in rule.cursor:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            return None
        if str(value) in self._turn.seen:
            answer = self._turn.reply
            known: dict[str, Any] = {"status": answer.status, "headers": answer.headers, "body": answer.body}
            raise APIError(f"the cursor {value!r} came twice: the server repeats a page", **known)
        return str(value)


class Page(BasePage[Item]):
    """One page of a list. Iterating it yields the items of this page and of every one after it."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]
        page: Page[Item] | None = self
        while page is not None:
            yield from page.here
            cursor = page.next_cursor()
            page = None if cursor is None else page._turn.fetch(cursor)


class AsyncPage(BasePage[Item]):
    """One page of a list. `async for` yields the items of this page and of every one after it."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[Item]:
        page: AsyncPage[Item] | None = self
        while page is not None:
            for item in page.here:
                yield item
            cursor = page.next_cursor()
            page = None if cursor is None else await page._turn.fetch(cursor)
