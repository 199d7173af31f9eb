"""What errors say of an answer, and what is taken out of it: the corners that promise 7's tests do not reach."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import JSON, by_hand

from oai_dyn import BadRequestError, DecodeError, Limits, StreamError, verdicts


def test_the_beginning_of_a_key_at_the_cut_is_taken_out() -> None:
    """A body that is cut at its limit inside a key keeps no piece of it."""
    hand = by_hand(api_key="secret-key-1234", limits=Limits(error_body=20)).models.retrieve("m")
    hand.head(400, {})
    with pytest.raises(BadRequestError) as caught:
        hand.read(b"x" * 12 + b"secret-key-1")
    assert caught.value.body == b"x" * 12 + b"***"


@pytest.mark.parametrize("before", [0, 1, 2, 3, 10, 300])
def test_of_a_huge_body_no_more_is_looked_through_than_is_shown(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are taken out wherever they stand in what is shown, and what lies behind is not touched."""
    lengths: list[int] = []

    def watched(text: str, secrets: list[Any], conceal: Any = verdicts.conceal) -> str:
        lengths.append(len(text))
        found: str = conceal(text, secrets)
        return found

    monkeypatch.setattr(verdicts, "conceal", watched)
    key = "secret-" + "k" * 300
    hand = by_hand(api_key=key, limits=Limits(error_body=400)).models.retrieve("m")
    hand.head(400, JSON)
    body = b'{"a": "' + b" " * before
    with pytest.raises(BadRequestError) as caught:
        hand.read(body + f"{key} ".encode() * 10_000 + b'"}')
    assert caught.value.body[: len(body) + 3] == (body + b"***")[:400]
    assert b"secr" not in caught.value.body
    assert len(caught.value.body) <= 403
    assert max(lengths) < 1000


def test_data_that_held_a_key_is_read_again() -> None:
    """A DecodeError's data has no key either; where the body is no JSON without it, there is no data."""

    def refuse(data: Any) -> Any:
        raise ValueError("no")

    for body, data in ((b'{"a": "123456"}', {"a": "***"}), (b'{"a": 123456}', None)):
        hand = by_hand(api_key="123456").models.retrieve("m", into=refuse)
        hand.head(200, JSON)
        hand.read(body)
        with pytest.raises(DecodeError) as caught:
            hand.read()
        assert caught.value.data == data
        assert b"123456" not in caught.value.body


def test_an_error_of_ours_from_the_users_class_is_that_error() -> None:
    """What a class raises of our own errors is not wrapped again."""

    def refuse(data: Any) -> Any:
        raise StreamError("own words")

    hand = by_hand().models.retrieve("m", into=refuse)
    hand.head(200, JSON)
    hand.read(b"{}")
    with pytest.raises(StreamError, match="own words"):
        hand.read()
