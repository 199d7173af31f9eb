"""Real servers on this machine, asked with the profile of each: `make test-servers` starts them and runs these tests."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any, NamedTuple

import pytest
from faces import SyncFace

from oai_dyn import APIStatusError, LossWarning, NotFoundError, Record, Reply
from oai_dyn.transformations.assembly import joined
from oai_dyn.validation import faults

PLACES = json.loads(os.environ.get("OAI_DYN_REAL_SERVERS", "{}"))

pytestmark = pytest.mark.skipif(not PLACES, reason="`make test-servers` starts the servers that are asked here")

#: Members that OpenAI always sends, null where there is nothing to say, and nobody else.
NULL = {"refusal", "logprobs"}

MESSAGES = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]


class Asked(NamedTuple):
    """A client of one real server, on one face."""

    name: str
    face: SyncFace
    client: Any
    model: str

    def chat(self, **more: Any) -> Any:
        """A chat completion of a few tokens, or its stream."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LossWarning)
            request = {"model": self.model, "messages": MESSAGES, "max_completion_tokens": 8, **more}
            return self.client.chat.completions.create(request)


def wrong(reply: Any) -> list[str]:
    """What a chat completion has that is not in OpenAI's form."""
    found = faults("CreateChatCompletionResponse", reply, strict=False)
    return [str(fault) for fault in found if not (fault.message == "missing" and fault.path[-1] in NULL)]


@pytest.fixture(params=sorted(PLACES) or ["none"])
def asked(request: pytest.FixtureRequest, face: SyncFace) -> Asked:
    """Each server in turn."""
    place = PLACES[request.param]
    base_url = place["origin"] + ("" if request.param == "litellm" else "/v1")
    settings = {"provider": place["provider"], "base_url": base_url, "api_key": place["key"], "timeout": 60}
    return Asked(request.param, face, face.client(**settings), place["model"])


def test_a_chat_completion(asked: Asked) -> None:
    """The request is taken, and its reply is as OpenAI's are; no more tokens come than were asked for."""
    reply = asked.face.wait(asked.chat())
    assert isinstance(reply, Record)
    assert not wrong(reply)
    assert reply.choices[0].finish_reason in ("stop", "length")
    assert asked.name == "litellm" or reply.usage.completion_tokens <= 8


def test_a_stream_with_usage(asked: Asked) -> None:
    """Its pieces join to what a whole reply is."""
    events = list(asked.face.iterate(asked.chat(stream=True, stream_options={"include_usage": True})))
    assert len(events) > 1
    whole = joined(events)
    assert whole is not None
    assert whole["choices"][0]["finish_reason"] in ("stop", "length")
    assert asked.name == "llama-cpp-python" or whole["usage"]["total_tokens"] > 0  # its streams have none
    assert not wrong(whole)


def test_models(asked: Asked) -> None:
    """The list has the model that is asked."""
    if asked.name == "transformers":
        pytest.skip("it lists the models of a hub's cache, and has none")
    listed = asked.face.wait(asked.client.models.list(into=Reply)).data
    assert asked.model in [model["id"] for model in listed["data"]]


def test_a_text_completion(asked: Asked) -> None:
    """The older row."""
    reply = asked.face.wait(asked.client.completions.create(model=asked.model, prompt="Hello", max_tokens=4))
    assert isinstance(reply.choices[0].text, str)


def test_a_wrong_request(asked: Asked) -> None:
    """What the server says of it is in the error, whatever its form."""
    with pytest.raises(APIStatusError) as caught:
        asked.face.wait(asked.client.chat.completions.create(model=asked.model, messages="Hello"))
    assert caught.value.status in (400, 422, 500)
    assert len(caught.value.message) > len("HTTP 400: ")


def test_a_row_that_is_not_there(asked: Asked) -> None:
    """It is told as such."""
    with pytest.raises(NotFoundError):
        asked.face.wait(asked.client.request("POST", "/no/such/row", {}))


@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        ("busy", "RateLimitError", None),
        ("long", "BadRequestError", "context_length_exceeded"),
        ("broken", "InternalServerError", None),
        ("unknown", "BadRequestError", None),
    ],
)
@pytest.mark.skipif("litellm" not in PLACES, reason="the errors are LiteLLM's")
def test_errors_of_the_gateway(face: SyncFace, model: str, error: str, code: str | None) -> None:
    """Each lands in its class; a prompt that is too long is told by the word for it."""
    place = PLACES["litellm"]
    client = face.client(provider="litellm-proxy", base_url=place["origin"], api_key=place["key"])
    with pytest.raises(APIStatusError) as caught:
        face.wait(client.chat.completions.create(model=model, messages=MESSAGES))
    assert type(caught.value).__name__ == error
    assert code is None or caught.value.code == code


@pytest.mark.skipif("litellm" not in PLACES, reason="only LiteLLM has a key")
def test_a_wrong_key(face: SyncFace) -> None:
    """It is refused, and not quoted."""
    client = face.client(provider="litellm-proxy", base_url=PLACES["litellm"]["origin"], api_key="sk-wrong-and-not-to-be-seen")
    with pytest.raises(APIStatusError) as caught:
        face.wait(client.models.list())
    assert caught.value.status in (400, 401)
    assert b"not-to-be-seen" not in caught.value.body
