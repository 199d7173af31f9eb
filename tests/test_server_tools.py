"""The local server as a model with tools: it calls given functions, keeps to given schemas, and lists as it is told."""

from __future__ import annotations

import base64
import http.client
import json
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import openai
import pydantic
import pytest
from faces import SyncFace
from hypothesis import given
from schemas_any import VALUES, WHOLE

from oai_dyn.routes import bundled
from oai_dyn.server import running
from oai_dyn.server.answers import LONGEST, json_answer
from oai_dyn.server.asked import Asked
from oai_dyn.server.calls import Call, call_of
from oai_dyn.server.fitting import json_text
from oai_dyn.server.forms import lists_marked
from oai_dyn.server.streams import events
from oai_dyn.validation import faults

ASK = [{"role": "user", "content": "What is the weather in Oslo?"}]
PLACE = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 2, "maximum": 7, "multipleOf": 3},
        "spots": {"type": "array", "items": {"$ref": "#/$defs/spot"}, "minItems": 2, "maxItems": 3},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-(north|south)$"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["city", "unit", "days", "spots", "code", "note"],
    "additionalProperties": False,
    "$defs": {"spot": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}},
}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": PLACE}}
CLOCK = {"type": "function", "function": {"name": "clock"}}

#: The same as a response has them.
FLAT = [{"strict": True, **tool["function"], "type": "function", "parameters": PLACE} for tool in (WEATHER, CLOCK)]  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One server for the whole file."""
    with running() as url:
        yield url


def valid(text: str) -> Any:
    """A text of JSON that fits the schema of a place."""
    value = json.loads(text)
    jsonschema.Draft202012Validator(PLACE).validate(value)
    return value


def asked(row: str, *, thinks: bool = False, query: Any = None, **members: Any) -> Asked:
    """A request as the answers see it."""
    return Asked(bundled().find(row), {}, query or {}, members, 1, 0, thinks)


# --- Calls --------------------------------------------------------------------------------------------------


def test_a_chat_is_answered_with_a_call(url: str, face: SyncFace) -> None:
    """Of the first function, with arguments that its schema takes, and once its result is there, with text."""
    client = face.client(base_url=url, validate="both")
    request = {"model": "m", "messages": ASK, "tools": [WEATHER, CLOCK], "n": 2}
    reply = face.wait(client.chat.completions.create(request))
    for choice in reply.choices:
        (call,) = choice.message.tool_calls
        assert (choice.finish_reason, choice.message.content, call.type, call.function.name) == (
            "tool_calls",
            None,
            "function",
            "weather",
        )
        valid(call.function.arguments)
    assert len({choice.message.tool_calls[0].id for choice in reply.choices}) == 2
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    message = reply.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Rain."}
    again = face.wait(client.chat.completions.create({**request, "messages": [*ASK, message, result]}))
    assert [choice.finish_reason for choice in again.choices] == ["stop", "stop"]
    assert again.choices[0].message.content == "You said: What is the weather in Oslo?"
    assert "tool_calls" not in again.choices[0].message


def test_the_pieces_of_a_call_are_the_call(url: str, face: SyncFace) -> None:
    """A streamed chat gives for each choice the id and the name, then the arguments, and the finish reason."""
    client = face.client(base_url=url, validate="both")
    request = {"model": "m", "messages": ASK, "tools": [CLOCK, WEATHER], "n": 2}
    request["tool_choice"] = {"type": "function", "function": {"name": "weather"}}
    joined: dict[int, dict[str, Any]] = {}
    chunks = list(face.iterate(client.chat.completions.create(request, stream=True, stream_options={"include_usage": True})))
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        held = joined.setdefault(choice.index, {"arguments": "", "content": None})
        held["content"] = choice.delta.get("content") or held["content"]
        held["finish_reason"] = choice.finish_reason
        for piece in choice.delta.get("tool_calls", ()):
            held |= {name: piece[name] for name in ("id", "type") if name in piece}
            held["name"] = piece["function"].get("name", held.get("name"))
            held["arguments"] += piece["function"]["arguments"]
    assert sorted(joined) == [0, 1]
    assert len({held["id"] for held in joined.values()}) == 2
    for held in joined.values():
        assert (held["name"], held["type"], held["content"], held["finish_reason"]) == ("weather", "function", None, "tool_calls")
        assert valid(held["arguments"]) == valid(joined[0]["arguments"])
    assert chunks[-1]["usage"]["total_tokens"] > 0
    whole = face.wait(client.chat.completions.create(request)).choices[0].message.tool_calls[0]
    assert whole.function == {"name": "weather", "arguments": joined[0]["arguments"]}


def test_a_response_is_answered_with_a_call(url: str, face: SyncFace) -> None:
    """As an item, whole and streamed; with the output of the call given, text comes."""
    client = face.client(base_url=url, validate="both")
    request = {"model": "m", "input": "The weather?", "tools": FLAT}
    (item,) = face.wait(client.responses.create(request)).output
    assert (item.type, item.name, item.status) == ("function_call", "weather", "completed")
    valid(item.arguments)
    events = list(face.iterate(client.responses.create(request, stream=True)))
    assert "".join(event.delta for event in events if event.type.endswith("arguments.delta")) == item.arguments
    assert [event.arguments for event in events if event.type.endswith("arguments.done")] == [item.arguments]
    assert [event.item.arguments for event in events if event.type.startswith("response.output_item.")] == ["", item.arguments]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    (last,) = events[-1].response.output
    assert (last.name, last.arguments) == ("weather", item.arguments)
    output = {"type": "function_call_output", "call_id": item.call_id, "output": "Rain."}
    again = face.wait(client.responses.create({**request, "input": [{"role": "user", "content": "Hi"}, item, output]}))
    assert again.output[0].content[0].text == "You said: Hi"


def test_the_official_sdk_reads_calls(url: str) -> None:
    """Its helpers put the streamed calls of a chat and of a response together."""
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as sdk:
        with sdk.chat.completions.stream(model="m", messages=ASK, tools=[WEATHER]) as stream:  # type: ignore[arg-type, list-item]
            calls = stream.get_final_completion().choices[0].message.tool_calls
        assert calls
        assert valid(calls[0].function.arguments)
        with sdk.responses.stream(model="m", input="Hi", tools=FLAT) as events:  # type: ignore[arg-type]
            (item,) = events.get_final_response().output
        assert isinstance(item, openai.types.responses.ResponseFunctionToolCall)
        assert valid(item.arguments)


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"messages": ASK}, None),
        ({"messages": ASK, "tools": []}, None),
        ({"messages": ASK, "tools": [CLOCK, WEATHER]}, "clock"),
        ({"messages": ASK, "tools": [CLOCK], "tool_choice": "auto"}, "clock"),
        ({"messages": ASK, "tools": [CLOCK], "tool_choice": "none"}, None),
        ({"messages": [{"role": "tool", "content": "x"}], "tools": [CLOCK]}, None),
        ({"messages": [{"role": "tool", "content": "x"}], "tools": [CLOCK], "tool_choice": "required"}, "clock"),
        ({"messages": [], "tools": [CLOCK]}, None),
        (
            {"messages": [], "tools": [CLOCK, WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            "weather",
        ),
        ({"input": "hi", "tools": FLAT, "tool_choice": {"type": "function", "name": "clock"}}, "clock"),
        ({"input": "hi", "tools": FLAT, "tool_choice": {"type": "function", "name": "other"}}, None),
        ({"input": "hi", "tools": FLAT, "tool_choice": {"type": "file_search"}}, None),
        ({"input": "hi", "tools": [{"type": "web_search"}, {"type": "function"}, FLAT[1]]}, "clock"),
        ({"input": "hi", "tools": FLAT, "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [FLAT[1]]}}, "clock"),
        (
            {
                "messages": [],
                "tools": [CLOCK, WEATHER],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}},
            },
            "weather",
        ),
        (
            {
                "input": [{"type": "function_call_output"}],
                "tools": FLAT,
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": FLAT},
            },
            None,
        ),
    ],
)
def test_the_choice_of_a_tool_is_kept_to(members: dict[str, Any], name: str | None) -> None:
    """A function is called where the user spoke last or the request insists, and none but those that it allows."""
    call = call_of(asked("chat.completions.create", **members))
    assert (call and call.name) == name


def test_a_function_without_parameters_takes_none() -> None:
    """Its arguments are an empty object; of two with one name the first counts."""
    assert call_of(asked("chat.completions.create", messages=ASK, tools=[CLOCK])) == Call("clock", "{}")
    twice = [WEATHER, {"type": "function", "function": {"name": "weather"}}]
    found = call_of(asked("chat.completions.create", messages=ASK, tools=twice))
    assert found
    assert valid(found.arguments)


# --- Forms of an answer -------------------------------------------------------------------------------------


def test_an_answer_keeps_to_its_schema(url: str, face: SyncFace) -> None:
    """A json_schema of a chat and of a response, whole and streamed; of a json_object any object."""
    client = face.client(base_url=url, validate="both")
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE, "strict": True}}
    chat = {"model": "m", "messages": ASK, "response_format": form}
    text = face.wait(client.chat.completions.create(chat)).choices[0].message.content
    valid(text)
    chunks = face.iterate(client.chat.completions.create(chat, stream=True))
    assert "".join(chunk.choices[0].delta.get("content") or "" for chunk in chunks) == text
    response = {"model": "m", "input": "hi", "text": {"format": {"type": "json_schema", "name": "place", "schema": PLACE}}}
    assert face.wait(client.responses.create(response)).output[0].content[0].text == text
    events = face.iterate(client.responses.create(response, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == text
    loose = face.wait(client.chat.completions.create({**chat, "response_format": {"type": "json_object"}}))
    assert json.loads(loose.choices[0].message.content) == {}
    plain = face.wait(client.chat.completions.create({**chat, "response_format": {"type": "text"}}))
    assert plain.choices[0].message.content.startswith("You said: ")


def test_the_official_sdk_parses_answers(url: str) -> None:
    """Into the caller's own classes."""

    class Step(pydantic.BaseModel):
        said: str
        sure: bool

    class Answer(pydantic.BaseModel):
        steps: list[Step]
        final: float | None

    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as sdk:
        chat = sdk.chat.completions.parse(model="m", messages=ASK, response_format=Answer)  # type: ignore[arg-type]
        assert isinstance(chat.choices[0].message.parsed, Answer)
        assert isinstance(sdk.responses.parse(model="m", input="hi", text_format=Answer).output_parsed, Answer)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (None, "{}"),
        (7, "{}"),
        (True, "{}"),
        ({"type": "string"}, '"text"'),
        ({"type": "bogus"}, '["text"]'),
        ({"type": "string", "pattern": "["}, "{}"),
        ({"type": "integer", "multipleOf": 0}, "1"),
        ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True}, "[false]"),
        ({"$ref": "#"}, "{}"),
        ({"$ref": "http://127.0.0.1:9/schema"}, "{}"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "{}"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "{}"),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 2}, "{}"),
        ({"type": "array", "minItems": 10**9}, "{}"),
        ({"type": "string", "minLength": 10**9}, "{}"),
        ({"type": "array", "minItems": 99, "items": {"type": "array", "minItems": 99}}, "{}"),
        ({"type": "string", "pattern": "^x{99999}$"}, "{}"),
        ({"anyOf": [{"pattern": "^x{99999}$"}]}, "{}"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "maxProperties": 0}, '{"a": "a"}'),
        ({"properties": {"n": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["n"]}, '{"n": {"n": {"n": null}}}'),
        ({"type": "string", "not": {"const": "text"}}, '"text"'),
        ({"enum": ["a", "b"], "not": {"const": "a"}}, '"b"'),
    ],
)
def test_odd_schemas_have_a_text_too(schema: Any, text: str) -> None:
    """Endless, reaching out, beyond measure, or taking nothing: there is JSON all the same, and soon."""
    assert json_text(schema) == text


def test_a_schema_too_deep_has_a_text_too() -> None:
    """Deeper than Python goes."""
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"items": schema}
    assert json_text(schema) == "{}"
    while schema:
        schema = schema["items"]


@given(WHOLE)
def test_any_schema_has_a_text(schema: Any) -> None:
    """Of JSON, the same each time."""
    assert json.loads(json_text(schema)) == json.loads(json_text(schema))


@given(VALUES)
def test_a_schema_of_one_value_has_that(value: Any) -> None:
    """What there is one of is found."""
    assert not faults({"const": value}, json.loads(json_text({"const": value})))


# --- Reasoning ----------------------------------------------------------------------------------------------


def test_reasoning_is_told_where_a_service_tells_it() -> None:
    """Beside the text and before it, if the request asks for an effort; OpenAI tells none."""
    body: dict[str, Any] = {"messages": ASK, "reasoning_effort": "low", "n": 2}
    told = json_answer(asked("chat.completions.create", thinks=True, **body))
    assert [choice["message"]["reasoning_content"] for choice in told["choices"]] == ["The user expects an answer."] * 2
    deltas = [
        event.data["choices"][0]["delta"]
        for event in events(asked("chat.completions.create", thinks=True, stream=True, **body))
        if event.data != "[DONE]"
    ]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "The user expects an answer."
    assert ["reasoning_content" in delta for delta in deltas[:3]] == [False, True, True]
    assert "You said: What" in "".join(delta.get("content") or "" for delta in deltas[6:])
    for members, thinks in ((body, False), ({**body, "reasoning_effort": "none"}, True), ({"messages": ASK}, True)):
        assert "reasoning_content" not in str(json_answer(asked("chat.completions.create", thinks=thinks, **members)))
    assert "reasoning_content" not in str(list(events(asked("chat.completions.create", stream=True, **body))))
    assert "reasoning_content" not in str(
        json_answer(asked("completions.create", thinks=True, prompt="p", reasoning_effort="low"))
    )


# --- Embeddings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "wanted"), [(None, 3), (1, 1), (2, 2), (256, 256), (10**9, LONGEST)])
def test_embeddings_are_as_long_as_was_asked(url: str, face: SyncFace, size: int | None, wanted: int) -> None:
    """Of length one in space, as floats and as the same in base64."""
    client = face.client(base_url=url, validate="both")
    request = {"model": "m", "input": ["a", "b"], **({} if size is None else {"dimensions": size})}
    vectors = [one.embedding for one in face.wait(client.embeddings.create(request)).data]
    assert [len(vector) for vector in vectors] == [wanted, wanted]
    assert sum(x * x for x in vectors[0]) == pytest.approx(1)
    coded = face.wait(client.embeddings.create(request, encoding_format="base64")).data[1].embedding
    assert struct.unpack(f"<{wanted}f", base64.b64decode(coded)) == pytest.approx(vectors[0])


def test_the_official_sdk_reads_embeddings(url: str) -> None:
    """It asks for base64 by itself, and gives out floats."""
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as sdk:
        assert sdk.embeddings.create(model="m", input="a").data[0].embedding == pytest.approx([0.6, 0.0, -0.8])


# --- Lists --------------------------------------------------------------------------------------------------


def test_a_list_has_the_order_that_was_asked_for(url: str, face: SyncFace) -> None:
    """Forwards and backwards, page after page."""
    client = face.client(base_url=url)
    up, down = ([item.id for item in face.iterate(client.files.list(order=order, limit=2))] for order in ("asc", "desc"))
    assert down == up[::-1]
    assert len(up) == 5


@pytest.mark.parametrize(
    ("pairs", "marked"),
    [
        ([("group_by[]", "line_item"), ("group_by[]", "project_id")], None),
        ([("group_by", "line_item"), ("group_by", "project_id")], [("group_by[]", "line_item"), ("group_by[]", "project_id")]),
        ([("group_by", "line_item,project_id")], [("group_by[]", "line_item"), ("group_by[]", "project_id")]),
        ([("group_by", "line_item")], [("group_by[]", "line_item")]),
        ([("start_time", "1"), ("page", "a,b"), ("nobody", "c,d")], None),
    ],
)
def test_a_list_in_a_query_is_read_in_every_form(pairs: list[tuple[str, str]], marked: list[tuple[str, str]] | None) -> None:
    """With brackets, repeated, or with commas; what is no list stays as it is."""
    schema = bundled().find("admin.organization.usage.costs").query_schema
    assert lists_marked(schema, pairs) == (marked or pairs)


def test_without_a_schema_nothing_is_a_list() -> None:
    """A row of a user's own need not have one."""
    assert lists_marked(None, [("a", "1,2")]) == [("a", "1,2")]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("group_by=project_id", 200),
        ("group_by=project_id,line_item", 200),
        ("group_by=project_id&group_by=line_item", 200),
        ("group_by[]=project_id", 200),
        ("group_by=project_id,color", 400),
    ],
)
def test_a_list_in_a_query_is_checked(url: str, query: str, status: int) -> None:
    """In whatever form it comes."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", f"/v1/organization/costs?start_time=1&{query}", headers={"Authorization": "Bearer k"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == status
    assert status == 200 or json.loads(content)["error"]["param"] == "group_by[1]"
