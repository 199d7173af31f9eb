"""Redirects, fed by hand: which method, address and body the next request has (promise 7 has what does not cross)."""

from __future__ import annotations

import pytest
from by_hand import by_hand

from oai_dyn import APIStatusError
from oai_dyn.flow import MAX_REDIRECTS


@pytest.mark.parametrize(
    ("status", "method", "sent"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "GET", "GET"),
    ],
)
def test_the_method_of_a_redirect(status: int, method: str, sent: str) -> None:
    """RFC 9110: 303 asks for the result, 301 and 302 make a POST a GET, 307 and 308 change nothing."""
    hand = by_hand().request(method, "/a", {"x": 1})
    hand.head(status, {"Location": "/v2/b?c=d#e"})
    first, second = hand.sent
    assert second.plan.method == sent
    assert second.plan.url == "http://127.0.0.1:9/v2/b?c=d"
    kept = sent == method and status != 303
    assert second.plan.body == (first.plan.body if kept else None)
    assert ("Content-Type" in second.plan.headers) == (second.plan.body is not None)
    assert second.plan.headers["Authorization"] == first.plan.headers["Authorization"]


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "http://127.0.0.1:9/b"),
        ("b", "http://127.0.0.1:9/v1/b"),
        ("../b", "http://127.0.0.1:9/b"),
        ("?x=1", "http://127.0.0.1:9/v1/a?x=1"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/"),
        ("//127.0.0.1:9/b", "http://127.0.0.1:9/b"),
        ("HTTP://127.0.0.1:9/b", "http://127.0.0.1:9/b"),
    ],
)
def test_the_address_of_a_redirect(location: str, url: str) -> None:
    """Relative to what was asked for, without a fragment, in one form."""
    hand = by_hand(base_url="http://127.0.0.1:9/v1").request("GET", "/a")
    hand.head(307, {"Location": location})
    assert hand.sent[1].plan.url == url


def test_redirects_are_bounded() -> None:
    """After ten of them the call is over."""
    hand = by_hand().models.retrieve("m")
    for _ in range(MAX_REDIRECTS):
        hand.head(307, {"Location": "/again"})
    with pytest.raises(APIStatusError, match="more than 10 redirects"):
        hand.head(307, {"Location": "/again"})
