"""Rules for replies: what each verb makes of an answer, and that nothing else is touched."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from amending import CHAT, answers, delta, deltas, message, reply, stream
from by_hand import by_hand
from faces import SyncFace
from hostile import HostileServer, json_reply, sse_reply
from hypothesis import given, settings
from hypothesis import strategies as st
from reply_cases import CHANGED, FINISH, KEPT, REASONING
from streamed import DONE, chat, data

from oai_dyn import ConfigError, Record, Reply
from oai_dyn.transformations.replies import VERBS, Answers, answers_of
from oai_dyn.wire import Route

# --- Which rules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "row", "model", "about"),
    [
        ({}, "chat.completions.create", "m", True),
        ({}, "models.list", "m", False),
        ({"rows": ["models.*"]}, "models.list", "", True),
        ({"models": ["Kimi-*"]}, "chat.completions.create", "kimi-k2", True),
        ({"models": ["kimi-*"]}, "chat.completions.create", "glm", False),
        ({"models": ["!kimi-*"]}, "chat.completions.create", "glm", True),
    ],
)
def test_rules_are_about_rows_and_models(rule: dict[str, Any], row: str, model: str, about: bool) -> None:
    """By globs; the chat row where none is named; no rule, no answers."""
    found = answers_of([{"verb": "wrap", **rule}], Route(row, "GET", "/x"), model)
    assert (found is not None) is about


@pytest.mark.parametrize(
    ("on", "replies", "events"), [(["reply"], 1, 0), (["event"], 0, 1), (["reply", "event"], 1, 1), (None, 1, 1)]
)
def test_rules_are_about_replies_events_or_both(on: Any, replies: int, events: int) -> None:
    """As `on` says; both where it says nothing."""
    rule = {"verb": "set", "member": "a", "value": 1} | ({} if on is None else {"on": on})
    assert reply({}, rule) == ({"a": 1} if replies else {})
    assert stream([{}], rule) == [{"a": 1} if events else {}]


def test_a_rule_about_several_members() -> None:
    """A list of paths is a rule for each of them."""
    assert reply({"a": 1}, {"verb": "set", "member": ["a", "b"], "value": 2}) == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"verb": "mend"}, "verb: 'mend', wanted one of fill, map"),
        ({"verb": "fill", "member": "a", "from": ["/"]}, "from: a path that begins with no name"),
        ({"verb": "fill", "member": "a", "from": ["[].b"]}, "from: a path that begins with no name"),
        ({"verb": "default", "member": "a", "make": "name"}, "make: 'name', wanted one of id, call_id, created, index"),
        ({"verb": "recount", "what": "all"}, "what: 'all', wanted one of prompt, completion, total"),
        ({"verb": "coerce", "member": "a", "to": "blob"}, "to: 'blob'"),
        ({"verb": "tags", "tags": []}, "tags: empty"),
        ({"verb": "set", "member": "a..b", "value": 1}, "'a..b' is no path"),
        ({"verb": "set", "member": "a", "value": 1, "is": {"odd": 1}}, "odd: no such test"),
    ],
)
def test_wrong_rules_are_refused(rule: dict[str, Any], words: str) -> None:
    """When they are made ready, in words."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        Answers([rule])


# --- Each verb ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CHANGED)
def test_what_comes_of_a_reply(case: str) -> None:
    """What is there is brought into form; a second time nothing changes."""
    rule, given_, wanted = CHANGED[case]
    assert reply(given_, rule) == wanted


@pytest.mark.parametrize("case", KEPT)
def test_what_stays_of_a_reply(case: str) -> None:
    """What is in form already, does not fit the conditions or is of another type than a rule expects is left as it is."""
    rule, given_ = KEPT[case]
    assert reply(given_, rule) == given_


def test_ids_and_times_are_made() -> None:
    """Where there are none, and where they are empty: each call of a tool gets its own."""
    rules: list[dict[str, Any]] = [
        {"verb": "default", "member": "id", "make": "id"},
        {"verb": "default", "member": "created", "make": "created"},
        {"verb": "default", "member": "choices[].message.tool_calls[].id", "make": "call_id"},
    ]
    found = reply({"id": "", **message(tool_calls=[{}, {"id": None}, {"id": "own"}])}, *rules)
    first, second, third = (call["id"] for call in found["choices"][0]["message"]["tool_calls"])
    assert re.fullmatch("chatcmpl-[0-9a-f]{24}", found["id"])
    assert found["created"] > 1_700_000_000
    assert re.fullmatch("call_[0-9a-f]{24}", first) and first != second and third == "own"
    assert reply({}, rules[0])["id"] != found["id"]


def test_rules_apply_in_their_order() -> None:
    """What one makes the next finds."""
    rules: list[dict[str, Any]] = [
        {"verb": "unwrap", "member": "result"},
        {"verb": "default", "member": "choices[].message", "value": {}},
        {"verb": "set", "member": "choices[].message.role", "value": "assistant"},
    ]
    assert reply({"result": {"choices": [{}]}}, *rules) == {"choices": [{"message": {"role": "assistant"}}]}
    apart: list[dict[str, Any]] = [{"verb": "set", "member": member, "value": 1} for member in ("x.y.z", "a.b", "x.y.v")]
    assert reply({"x": {"y": {}}, "a": {}}, *apart) == {"x": {"y": {"z": 1, "v": 1}}, "a": {"b": 1}}


def test_what_is_filled_is_its_own() -> None:
    """A value that is filled in and amended leaves the one that it was taken from."""
    rules: list[dict[str, Any]] = [{"verb": "fill", "member": "usage", "from": ["x.usage"]}, {"verb": "recount", "what": "total"}]
    given_ = {"x": {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}}
    assert reply(given_, *rules)["x"] == given_["x"]
    fallback: dict[str, Any] = {"verb": "default", "member": "tags", "value": []}
    reply({}, fallback)["tags"].append(1)
    assert reply({}, fallback) == {"tags": []}


# --- Anything at all ------------------------------------------------------------------------------------------

WORDS = [
    "choices",
    "message",
    "delta",
    "content",
    "reasoning",
    "tool_calls",
    "function",
    "arguments",
    "id",
    "index",
    "type",
    "usage",
]
WORDS += [
    "finish_reason",
    "logprobs",
    "tokens",
    "token_logprobs",
    "name",
    "item",
    "x",
    "prompt_tokens",
    "total_tokens",
    "thinking",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats()
    | st.sampled_from(["", "stop", "eos", "<think>a", "0", "text", "thinking"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4), max_leaves=20
)
SHAPED = st.builds(
    lambda said, choice, more: {**more, "choices": [{**choice, "message": said, "delta": copy.deepcopy(said)}]},
    ANYTHING,
    st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=3),
    st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=3),
)
EVERY_RULE: list[dict[str, Any]] = [case[0] for case in (*CHANGED.values(), *KEPT.values())]
EVERY_RULE += [{"verb": verb} for verb in ("called", "number", "unique", "items", "tags", "repeat", "blocks", "logprobs")]
EVERY_RULE += [
    {"verb": "map", "member": "choices[].*", "values": [["stop", []]]},
    {"verb": "default", "member": "choices[].message.tool_calls[].index", "make": "index"},
    {"verb": "coerce", "member": "choices[].message.tool_calls[].function.arguments", "to": "json"},
    {"verb": "fill", "member": "choices[].message", "from": ["delta"]},
    {"verb": "fill", "member": "choices[].message.x", "from": ["/choices[].index", "/usage"]},
]


def test_every_verb_is_tried() -> None:
    """The property below leaves none out."""
    assert {rule["verb"] for rule in EVERY_RULE} == set(VERBS)


@settings(deadline=None, database=None)
@given(st.sampled_from(EVERY_RULE), st.lists(ANYTHING | SHAPED, max_size=8))
def test_nothing_raises(rule: dict[str, Any], values: list[Any]) -> None:
    """Whatever comes, as a reply and as events, one by one and together."""
    ready = answers(rule)
    for value in copy.deepcopy(values):
        ready.reply(value)
    singly = ready.stream()
    for value in copy.deepcopy(values):
        singly([value])
    ready.stream()(copy.deepcopy(values))


@settings(deadline=None, database=None)
@given(
    st.lists(ANYTHING | SHAPED, max_size=4),
    st.sampled_from([rule for rule in EVERY_RULE if rule["verb"] not in ("unique", "number")]),
)
def test_batches_make_no_difference(events: list[Any], rule: dict[str, Any]) -> None:
    """Events one by one and all together come out alike; those before odd ones too."""
    if rule.get("make") in ("id", "call_id"):
        return
    assert repr(stream(events, rule, size=1)) == repr(stream(events, rule))


def test_values_nested_without_end() -> None:
    """What is nested a thousand deep is carried along."""
    deep: Any = "x"
    for _ in range(900):
        deep = {"a": deep}
    found = answers({"verb": "fill", "member": "usage", "from": ["x"]}, REASONING, FINISH).reply({"x": deep})
    assert found["usage"]["a"] is deep["a"]


# --- Through a client -----------------------------------------------------------------------------------------

PROFILE: dict[str, Any] = {"name": "acme", "reply": [REASONING, FINISH]}
SAID = {
    "id": "c",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"content": "b", "reasoning": "a"}, "finish_reason": "eos"}],
}


def client(face: SyncFace, server: HostileServer, profile: dict[str, Any] = PROFILE, **settings_: Any) -> Any:
    """A client of a server by a profile."""
    return face.client(provider={**profile, "base_url": server.url}, **settings_)


def test_replies_come_in_form(face: SyncFace) -> None:
    """Records, dicts and replies alike; the body stays as it came, and `normalize=False` gives what it says."""
    with HostileServer([json_reply(SAID)], after="repeat") as server:
        acme = client(face, server)
        found = face.wait(acme.chat.completions.create(model="m", messages=[]))
        assert type(found) is Record
        assert found.choices[0].message.reasoning_content == "a"
        assert (found.choices[0].finish_reason, found.choices[0].native_finish_reason) == ("stop", "eos")
        whole = face.wait(acme.chat.completions.create(model="m", messages=[], into=Reply))
        assert whole.data == found
        assert b"reasoning_content" not in whole.body
        assert face.wait(acme.chat.completions.create(model="m", messages=[], normalize=False)) == SAID
        assert face.wait(acme.chat.completions.create(model="m", messages=[], into=dict)) == found


def test_lists_come_in_form(face: SyncFace) -> None:
    """A page is made of what the rules made."""
    rules = [
        {"verb": "wrap", "rows": ["models.list"]},
        {"verb": "default", "member": "data[].object", "value": "model", "rows": ["models.list"]},
    ]
    with HostileServer([json_reply([{"id": "a"}])]) as server:
        acme = client(face, server, {"name": "acme", "reply": rules})
        assert list(face.iterate(face.wait(acme.models.list()))) == [{"id": "a", "object": "model"}]


def test_events_come_in_form(face: SyncFace) -> None:
    """Plain events and odd ones, of any type; raw events are what came."""
    events: list[Any] = [
        delta({"reasoning": "a"}),
        {"choices": [{"delta": {"reasoning": "b"}}]},  # without index and reason
        {"choices": []},
        delta({}, finish_reason="eos"),
        DONE,
    ]
    with HostileServer([sse_reply(events)], after="repeat") as server:
        acme = client(face, server)
        found = list(face.iterate(chat(acme)))
        assert deltas([found[0], found[1], found[3]]) == [
            {"reasoning": "a", "reasoning_content": "a"},
            {"reasoning": "b", "reasoning_content": "b"},
            {},
        ]
        assert {type(event) for event in found} == {Record}
        assert found[3]["choices"][0]["native_finish_reason"] == "eos"
        assert list(face.iterate(chat(acme, into=dict))) == found
        assert list(face.iterate(chat(acme, normalize=False))) == events[:-1]
        assert "reasoning_content" not in "".join(face.iterate(chat(acme, into=str)))


@pytest.mark.parametrize("into", [None, dict])
def test_many_plain_events_come_in_form(into: Any) -> None:
    """Those that are nothing but what they usually are, all that came together at once."""
    call = by_hand(provider={**PROFILE, "base_url": "http://127.0.0.1:9"}).chat.completions.create(
        model="m", messages=[], stream=True, **({} if into is None else {"into": into})
    )
    call.head()
    call.read(b"".join(data(delta({"reasoning": text})) for text in "abc"))
    call.read(DONE)
    assert [said["reasoning_content"] for said in deltas(call.given)] == ["a", "b", "c"]
    assert {type(event) for event in call.given} == {into or Record}


def test_what_a_rule_makes_is_what_is_checked(face: SyncFace) -> None:
    """Where replies are validated, they are so in form; what an event becomes need not be an object."""
    rules = [
        {"verb": "default", "member": "object", "value": "chat.completion"},
        {"verb": "default", "member": "created", "value": 1},
    ]
    rules += [{"verb": "set", "member": "model", "value": "m"}, {"verb": "set", "member": "choices[].logprobs", "value": None}]
    rules += [{"verb": "set", "member": "choices[].message.refusal", "value": None}, FINISH]
    rules += [{"verb": "set", "member": "choices[].message.role", "value": "assistant"}]
    with HostileServer([json_reply({**SAID, "object": None})]) as server:
        acme = client(face, server, {"name": "acme", "reply": rules}, validate="reply")
        assert face.wait(acme.chat.completions.create(model="m", messages=[])).object == "chat.completion"
    with HostileServer([sse_reply([{"choices": [], "result": [1]}, DONE])]) as server:
        acme = client(face, server, {"name": "acme", "reply": [{"verb": "unwrap", "member": "result"}]})
        assert list(face.iterate(chat(acme))) == [[1]]


def test_the_row_is_a_chat() -> None:
    """The row of these tests is the one that rules are about by default."""
    assert answers_of([FINISH], CHAT, "") is not None
