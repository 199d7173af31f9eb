"""What services' own errors mean: the rules of a profile, and those that need none."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from by_hand import JSON, by_hand
from faces import FACES, SyncFace
from hostile import HostileServer, json_reply, reply, sse_reply
from hypothesis import given
from hypothesis import strategies as st
from streamed import CHUNK, SOON, chat

from oai_dyn import APIError, ConfigError, InternalServerError, RateLimitError, StreamError
from oai_dyn.errors import for_status
from oai_dyn.meanings import MEANINGS, MEANT_STATUS, compile_errors, meaning, read_body
from oai_dyn.retry import wait_before

VECTORS = Path(__file__).parent / "vectors"
DOCUMENT = json.loads((VECTORS / "meanings.json").read_text("utf-8"))
BODIES = json.loads((VECTORS / "errors.json").read_text("utf-8"))["vectors"]

#: Z.AI's code of an account without balance.
EMPTY_ACCOUNT = [{"status": [429], "code": ["1113"], "means": "insufficient_quota"}]


def ruled(client: Any, rules: list[Any]) -> Any:
    """A client with the error rules of a profile."""
    config = client._provider.config._replace(errors=compile_errors(rules))
    client._provider = client._provider._replace(config=config)
    return client


def caught(status: int, body: bytes, rules: list[Any]) -> APIError:
    """The error that an answer becomes."""
    hand = ruled(by_hand(), rules).models.retrieve("m")
    hand.head(status, JSON)
    with pytest.raises(APIError) as found:
        if body:
            hand.read(body)
        hand.read()
    return found.value


def same(error: APIError) -> APIError:
    """The error after a journey."""
    travelled: APIError = pickle.loads(pickle.dumps(error))
    assert vars(travelled) == vars(error)
    return travelled


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["name"])
def test_an_error_means_what_its_service_means(vector: dict[str, Any]) -> None:
    """Class and code are those of the meaning, the service's code and the status stay; and only what may pass is sent again."""
    body = json.dumps(vector["body"]).encode() if "body" in vector else vector["text"].encode()
    error = same(caught(vector["status"], body, vector["rules"]))
    assert type(error).__name__ == vector["class"]
    assert (error.status, error.code, error.native_code) == (vector["status"], vector["code"], vector["native_code"])
    assert (wait_before(1, error, False, time.time()) is not None) is vector["again"]


@pytest.mark.parametrize("vector", DOCUMENT["wrong"], ids=lambda vector: json.dumps(vector["rules"]))
def test_a_wrong_rule_is_refused(vector: dict[str, Any]) -> None:
    """With the place of what is wrong."""
    with pytest.raises(ConfigError, match=vector["why"]):
        compile_errors(vector["rules"])


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("vector", BODIES, ids=lambda vector: vector["name"])
def test_a_body_of_any_shape_under_any_status(vector: dict[str, Any], status: int) -> None:
    """What the body says is on the error, whose class is its status's where no meaning is known."""
    says = vector["says"]
    body = vector["text"].encode() if "text" in vector else json.dumps(vector["body"]).encode()
    error = caught(status, body, [])
    assert type(error) is for_status(status)
    assert (error.code, error.type, error.param) == (says.get("code"), says.get("type"), says.get("param"))
    assert error.message == (f"HTTP {status}: {says['message']}" if says["message"] else f"HTTP {status}")


def test_the_words_have_their_classes() -> None:
    """Each word that a rule can give stands for the class that it has as a code of OpenAI's."""
    assert {word: MEANT_STATUS["".join(filter(str.isalpha, word))] for word in MEANINGS} == MEANINGS


@given(st.integers(), st.text(), st.binary())
def test_no_error_is_too_odd_for_a_rule(status: int, message: str, body: bytes) -> None:
    """Whatever comes has one of the words, or none."""
    rules = compile_errors([{"pattern": "a+b", "means": "overloaded"}, {"empty": True, "code": ["x"], "means": "content_filter"}])
    assert meaning(rules, status, read_body(message), body) in {*MEANINGS, None}


def test_a_long_message_is_searched_at_its_beginning() -> None:
    """A text made to keep a pattern busy does not."""
    began = time.perf_counter()
    assert meaning((), 400, read_body({"message": "input token count " * 100_000}), b"x") is None
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("inner", "rules", "kind", "status", "code", "native"),
    [
        (
            {"code": "1113", "message": "x"},
            [{"code": ["1113"], "means": "insufficient_quota"}],
            RateLimitError,
            429,
            "insufficient_quota",
            "1113",
        ),
        ({"message": "busy now"}, [{"pattern": "busy", "means": "overloaded"}], InternalServerError, 503, "overloaded", None),
        (
            {"code": 403, "message": "slow"},
            [{"status": [403], "means": "rate_limit_exceeded"}],
            RateLimitError,
            403,
            "rate_limit_exceeded",
            403,
        ),
        ({"code": "x", "message": "y"}, [{"status": [200], "code": ["z"], "means": "overloaded"}], StreamError, 200, "x", None),
    ],
)
def test_a_meaning_in_a_stream(inner: dict[str, Any], rules: list[Any], kind: type, status: int, code: Any, native: Any) -> None:
    """An error event with a known meaning is of its class, and has the status that it tells or else the meaning's own."""
    for body in (f"data: {json.dumps({'error': inner})}\n\n", f"event: error\ndata: {json.dumps(inner)}\n\n"):
        call = chat(ruled(by_hand(), rules))
        call.head()
        with pytest.raises(kind) as found:
            call.read(body.encode())
        error: Any = found.value
        assert (type(error), error.status, error.code, error.native_code) == (kind, status, code, native)


def test_an_error_that_is_text_shows_no_key() -> None:
    """An event named error that holds no JSON: its text is cut, and the key in it is not cut in two."""
    call = chat(by_hand(api_key="secret-key-1234"))
    call.head()
    with pytest.raises(StreamError) as found:
        call.read(f"event: error\ndata: {'x' * 190} secret-key-1234\n\n".encode())
    assert found.value.message == f"the stream holds an error: {'x' * 190} ***"


def test_a_native_code_shows_no_key() -> None:
    """What a server quotes of the key is taken out of its own code too."""
    hand = ruled(by_hand(api_key="secret-key-1234"), [{"status": [400], "means": "overloaded"}]).models.retrieve("m")
    hand.head(400, JSON)
    hand.read(b'{"code": "bad secret-key-1234", "message": "m"}')
    with pytest.raises(InternalServerError) as found:
        hand.read()
    assert (found.value.code, found.value.native_code) == ("overloaded", "bad ***")


def test_a_meaning_under_a_good_status() -> None:
    """An error in disguise has its meaning; its status stays the one that came."""
    error = same(caught(200, b'{"error": {"code": "1113", "message": "x"}}', [{"code": ["1113"], "means": "insufficient_quota"}]))
    assert (type(error), error.status, error.code) == (RateLimitError, 200, "insufficient_quota")


@pytest.mark.parametrize("face_class", FACES.values(), ids=FACES)
@pytest.mark.parametrize("normalize", [True, False])
def test_over_the_wire(face_class: type[SyncFace], normalize: bool) -> None:
    """A used-up quota is raised at once, a rate limit under 403 is waited for, with both clients; `normalize` changes nothing."""
    rules = [*EMPTY_ACCOUNT, {"status": [403], "pattern": "too fast", "means": "rate_limit_exceeded"}]
    empty = json_reply({"error": {"code": "1113", "message": "Insufficient balance"}}, 429, headers=SOON)
    slow = json_reply({"error": {"code": "f", "message": "You are too fast"}}, 403, headers=SOON)
    event = sse_reply([CHUNK, {"error": {"code": 429, "message": "You are too fast"}}])
    bare = reply([], status=413)
    with HostileServer([empty, slow, json_reply({"id": "m"}), slow, slow, event, bare]) as server, face_class() as face:
        client = ruled(face.client(base_url=server.url, max_retries=1, normalize=normalize), rules)
        with pytest.raises(RateLimitError) as quota:
            face.wait(client.models.retrieve("m"))
        assert len(quota.value.attempts) == 1
        assert face.wait(client.models.retrieve("m")).id == "m"
        with pytest.raises(RateLimitError) as limit:
            face.wait(client.models.retrieve("m"))
        with pytest.raises(RateLimitError) as inside:
            list(face.iterate(face.wait(chat(client))))
        with pytest.raises(APIError) as overflow:
            face.wait(ruled(client, [{"empty": True, "means": "context_length_exceeded"}]).models.retrieve("m"))
    told = [(error.value.status, error.value.code, error.value.native_code) for error in (quota, limit, inside, overflow)]
    assert told[:2] == [(429, "insufficient_quota", "1113"), (403, "rate_limit_exceeded", "f")]
    assert told[2:] == [(429, 429, None), (413, "context_length_exceeded", None)]
    assert limit.value.message == "HTTP 403: You are too fast"
