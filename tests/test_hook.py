"""Observability: what the hook and the log are told of a call, and what they are not."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from by_hand import SSE, by_hand
from faces import SyncFace
from hostile import HostileServer, json_reply, sse_reply

from oai_dyn import Notice, OaiDynError, ValidationError


def told(notices: list[Notice]) -> list[tuple[Any, ...]]:
    """What a hook was told, in short."""
    return [(one.kind, one.attempt, one.reply and one.reply.status, one.error) for one in notices]


def test_the_hook_is_told_of_everything(face: SyncFace) -> None:
    """Each attempt, the first event, the end."""
    notices: list[Notice] = []
    script = [json_reply({}, 500, headers=[("retry-after", "0")]), sse_reply(['{"a": 1}', '{"a": 2}', "[DONE]"])]
    with HostileServer(script) as server:
        client = face.client(base_url=server.url, hook=notices.append, max_retries=1)
        assert len(list(face.iterate(client.chat.completions.create(model="m", stream=True)))) == 2
    assert told(notices) == [
        ("attempt", 1, 500, "InternalServerError"),
        ("attempt", 2, 200, None),
        ("first_event", 2, 200, None),
        ("end", 2, 200, None),
    ]
    assert [one.elapsed for one in notices] == sorted(one.elapsed for one in notices)


def test_the_hook_is_told_of_an_early_close(face: SyncFace) -> None:
    """A stream that is left is told as closed."""
    notices: list[Notice] = []
    with HostileServer([sse_reply(['{"a": 1}', '{"a": 2}'], end=False)]) as server:
        client = face.client(base_url=server.url, hook=notices.append)
        events = face.iterate(client.chat.completions.create(model="m", stream=True))
        next(events)
        events.close()  # type: ignore[attr-defined]
        del events
    assert [one.kind for one in notices] == ["attempt", "first_event", "close"]


def test_the_hook_is_told_of_a_failure() -> None:
    """The end of a call that failed has the error's class, and no head where there was none."""
    notices: list[Notice] = []
    hand = by_hand(hook=notices.append).models.retrieve("m")
    with pytest.raises(OaiDynError):
        hand.fail()
    assert told(notices) == [("end", 1, None, "APIConnectionError")]


def test_the_hook_is_told_of_an_answer_that_is_not_valid(face: SyncFace) -> None:
    """An answer that the user's own check refuses ends its call like any other."""
    notices: list[Notice] = []
    with HostileServer([json_reply({"id": 5})]) as server, pytest.raises(ValidationError):
        client = face.client(base_url=server.url, hook=notices.append, validate="reply")
        face.wait(client.models.retrieve("m"))
    assert told(notices) == [("attempt", 1, 200, None), ("end", 1, 200, "ValidationError")]


def test_the_hook_sees_no_secret_and_no_body(caplog: pytest.LogCaptureFixture) -> None:
    """Neither does the log: no key, no prompt, no query, no answer."""
    notices: list[Notice] = []
    with caplog.at_level(logging.DEBUG, "oai_dyn"):
        client = by_hand(api_key="hidden-key", hook=notices.append)
        extra = {"extra_query": {"q": "hidden-query"}, "extra_headers": {"X-Token": "hidden"}}
        hand = client.chat.completions.create(model="m", messages=["hidden-prompt"], stream=True, **extra)
        hand.head(headers=SSE)
        hand.read(b'data: {"a": "hidden-answer"}\n\n')
        hand.read(b"data: [DONE]\n\n")
        hand.read()
    shown = repr([(tuple(one), tuple(one.plan), dict(one.plan.headers), one.reply) for one in notices]) + caplog.text
    assert len(notices) == 3
    assert "hidden" not in shown
    assert all(one.plan.body is None for one in notices)


def test_a_hook_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the call goes on."""

    def fail(notice: Notice) -> None:
        raise RuntimeError("hook trouble")

    hand = by_hand(hook=fail).models.retrieve("m")
    hand.head(headers={})
    hand.read(b"{}")
    hand.read()
    assert hand.result == {}
    assert "the hook failed" in caplog.text
    assert "hook trouble" in caplog.text


def test_the_log_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, on the logger `oai_dyn`, without a hook; above DEBUG nothing is said."""
    for level, lines in ((logging.DEBUG, 2), (logging.INFO, 0)):
        caplog.clear()
        with caplog.at_level(level, "oai_dyn"):
            hand = by_hand().models.retrieve("m")
            hand.head(headers={})
            hand.read(b"{}")
            hand.read()
        assert len(caplog.records) == lines
        assert {record.name for record in caplog.records} <= {"oai_dyn"}
    with caplog.at_level(logging.DEBUG, "oai_dyn"):
        hand = by_hand().models.retrieve("m")
        hand.head(headers={}, after=1.5)
    assert "attempt <Plan models.retrieve: GET http://127.0.0.1:9/models/m> attempt 1 status 200 after 1.500 s" in caplog.text
