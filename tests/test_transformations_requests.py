"""Rules of requests: what each verb makes of a body, what it says of that, and what holds for all of them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn import ConfigError, Record, ValidationError
from oai_dyn.errors import place
from oai_dyn.routes import bundled
from oai_dyn.transformations import Transformations
from oai_dyn.transformations.requests import VERBS
from oai_dyn.transformations.rules import read_rules
from oai_dyn.transformations.work import Work
from oai_dyn.wire import Route

Json = dict[str, Any]

VECTORS: list[Json] = json.loads((Path(__file__).parent / "vectors" / "transformations" / "requests.json").read_text("utf-8"))
CHAT = bundled().find("chat.completions.create")


def made(*rules: Json) -> Transformations:
    """These rules, as a provider's."""
    return Transformations("acme", rules, (), {"region": "eu"})


def sent(*rules: Json, body: Any, route: Route = CHAT) -> Any:
    """What is sent of a body."""
    return made(*rules).request(route, body)[0]


# --- What each verb does --------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_verb_does_what_it_says(vector: Json) -> None:
    """The body is as wanted, the losses are told, the caller's own is untouched, and nothing is done twice."""
    rules = made(*vector["rules"])
    route = bundled().find(vector.get("rows", CHAT.name))
    body = copy.deepcopy(vector["given"])
    found, losses = rules.request(route, body)
    assert found == vector["wanted"]
    assert json.dumps(body) == json.dumps(vector["given"])
    assert {place(loss.path): loss.message for loss in losses} == vector.get("losses", {})
    if json.dumps(found) == json.dumps(body):
        assert found is body
    if vector.get("again", True):
        again, more = rules.request(route, found)
        assert again is found
        assert more == (losses if vector["rules"][0]["verb"] == "warn" else ())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_what_would_be_changed_is_refused(vector: Json) -> None:
    """A service refuses what a rule would change, and takes what the rules make of it."""
    rules = made(*vector["rules"])
    route = bundled().find(vector.get("rows", CHAT.name))
    refused = rules.refused(route, vector["given"])
    assert (refused is None) == (json.dumps(vector["given"]) == json.dumps(vector["wanted"]))
    if vector.get("again", True):
        assert rules.refused(route, vector["wanted"]) is None
    assert all(made({**rule, "service": "ignores"}).refused(route, vector["given"]) is None for rule in vector["rules"])


def test_every_verb_has_a_vector() -> None:
    """No verb is without an example of what it does; what refuses has its own test."""
    assert {rule["verb"] for vector in VECTORS for rule in vector["rules"]} | {"reject"} == set(VERBS)


def test_what_is_refused_says_where_and_why() -> None:
    """The local server tells which member is refused, by which verb, in the words of the rule."""
    found = made({"verb": "drop", "member": "messages[].name", "why": "no such member"}).refused(
        CHAT, {"messages": [{}, {"name": "n"}]}
    )
    assert found is not None
    assert (found.provider, found.path, found.verb) == ("acme", ("messages", 1, "name"), "drop")
    assert found.message == "dropped for acme: no such member"


def test_a_rejected_request_is_not_sent() -> None:
    """Where a service cannot do it, the request is refused with place, value and reason; null and what is off pass."""
    rules = made({"verb": "reject", "member": "functions", "why": "tools only"}, {"verb": "reject", "member": "background"})
    with pytest.raises(ValidationError, match="functions: a list: tools only") as caught:
        rules.request(CHAT, {"functions": [{"name": "f"}]})
    assert caught.value.errors[0].path == ("functions",)
    with pytest.raises(ValidationError, match="background: true: the service does not take it"):
        rules.request(CHAT, {"background": True})
    body = {"functions": None, "background": False}
    assert rules.request(CHAT, body) == (body, ())
    refused = rules.refused(CHAT, {"functions": [1]})
    assert refused is not None
    assert refused == ("acme", ("functions",), "reject", "a list: tools only")


def test_values_in_messages_are_short() -> None:
    """A message shows words and numbers, and of all else only what it is: a text may be the user's."""
    values = ["word-1.2", "two words", 3, 1.5, None, True, [1], {"a": 1}]
    told = [
        made({"verb": "set", "member": "a", "value": "x", "loses": True}).request(CHAT, {"a": value})[1][0].message
        for value in values
    ]
    assert [message.removesuffix(" changed to x for acme") for message in told] == [
        "word-1.2", "text", "3", "1.5", "null", "true", "a list", "an object",
    ]  # fmt: skip
    assert (
        made({"verb": "set", "member": "a", "value": "x", "loses": True})
        .request(CHAT, {})[1][0]
        .message.startswith("nothing changed to x")
    )


def test_words_of_losses_are_forgotten() -> None:
    """A rule that meets ever other values says each, and remembers few of them."""
    rules = made({"verb": "clamp", "member": "temperature", "most": 1})
    for value in [*range(2, 200), 2]:
        assert rules.request(CHAT, {"temperature": value})[1][0].message == f"{value} changed to 1 for acme"


# --- What the user passes -------------------------------------------------------------------------------------


@dataclass
class Message:
    """A message of a user's own class."""

    role: str
    content: Any


class Role(Enum):
    """Roles of a user's own."""

    DEVELOPER = "developer"


class Word(str, Enum):  # noqa: UP042  # its hash is not that of the text
    """Words of a user's own, which are text as well."""

    DEVELOPER = "developer"


ROLES = {"verb": "map", "member": "messages[].role", "values": [["developer", "system"]]}


def test_objects_are_amended_as_what_they_write() -> None:
    """An object on the way of a rule is replaced by what it writes, and stays as it is itself."""
    message = Message("developer", [Message("x", 1)])
    wanted = {"role": "system", "content": [{"role": "x", "content": 1}]}
    assert sent(ROLES, body={"messages": [message, {"role": "user"}]}) == {"messages": [wanted, {"role": "user"}]}
    assert sent(ROLES, body={"messages": (message,)}) == {"messages": [wanted]}
    assert message == Message("developer", [Message("x", 1)])


@pytest.mark.parametrize("role", [Role.DEVELOPER, Word.DEVELOPER])
def test_members_of_an_enum_are_what_they_stand_for(role: Any) -> None:
    """A word of the user's enum is mapped like the word."""
    assert sent(ROLES, body={"messages": [{"role": role}]}) == {"messages": [{"role": "system"}]}
    top = {"verb": "map", "member": "tool_choice", "values": [["developer", "any"]]}
    assert sent(top, body={"tool_choice": role}) == {"tool_choice": "any"}


def test_a_reply_in_the_history_is_amended_in_a_copy() -> None:
    """A Record of an answer, appended to the messages, is read as the dict it is and not changed."""
    message = Record({"role": "developer", "content": "a", "parsed": {"b": 1}})
    body: Json = {"messages": [message]}
    assert sent(ROLES, body=body) == {"messages": [{"role": "system", "content": "a", "parsed": {"b": 1}}]}
    assert body == {"messages": [{"role": "developer", "content": "a", "parsed": {"b": 1}}]}
    assert body["messages"][0] is message


def test_only_what_lies_on_the_way_is_copied() -> None:
    """Messages that no rule changes are the caller's very objects."""
    body: Json = {"messages": [{"role": "user", "content": ["c"]}, {"role": "developer", "content": ["d"]}], "tools": [{}]}
    found = sent(ROLES, body=body)
    assert found["messages"][0] is body["messages"][0]
    assert found["messages"][1]["content"] is body["messages"][1]["content"]
    assert found["tools"] is body["tools"]


def test_many_changes_stand_in_their_places() -> None:
    """In a long history every message is changed, each in its own place, and the first one tells."""
    calls = [{"role": "assistant", "tool_calls": [{"id": f"{i}", "index": i}, {"id": "x"}]} for i in range(9)]
    drop = {"verb": "drop", "member": "messages[].tool_calls[].index", "loses": True}
    found, losses = made(drop).request(CHAT, {"messages": [{"role": "user"}, *calls]})
    assert found["messages"] == [
        {"role": "user"},
        *({"role": "assistant", "tool_calls": [{"id": f"{i}"}, {"id": "x"}]} for i in range(9)),
    ]
    assert [loss.path for loss in losses] == [("messages", 1, "tool_calls", 0, "index")]


def test_an_object_at_the_top_is_entered() -> None:
    """So is one that a condition looks into, or that a member is moved to."""

    @dataclass
    class Format:
        type: str

    rule = {"verb": "drop", "member": "seed", "if": {"response_format.type": "json_object"}}
    assert sent(rule, body={"seed": 1, "response_format": Format("json_object"), "other": Format("x")}).keys() == {
        "response_format",
        "other",
    }
    rule = {"verb": "move", "member": "effort", "to": "thinking.effort"}
    assert sent(rule, body={"effort": 1, "thinking": Format("on")}) == {"thinking": {"type": "on", "effort": 1}}
    rule = {"verb": "move", "member": "a.effort", "to": "/thinking.effort"}
    assert sent(rule, body={"a": {"effort": 1}, "thinking": Format("on")}) == {"a": {}, "thinking": {"type": "on", "effort": 1}}


def test_an_object_deeper_down_is_entered_where_a_test_looks_into_it() -> None:
    """A condition on what stands deeper in an element finds it in an object of the user's as well."""

    @dataclass
    class Function:
        name: str

    rule = {"verb": "drop", "member": "tools[]", "where": {"function.name": "f"}}
    assert sent(rule, body={"tools": [{"function": Function("f")}, {"function": Function("g")}]}) == {
        "tools": [{"function": {"name": "g"}}]
    }


def test_text_of_another_class_is_text() -> None:
    """A text whose class is the user's own is read as the text it is, and stays that object."""

    class Text(str):
        __slots__ = ()

    body = {"messages": [{"role": Text("developer")}, {"role": Text("user")}]}
    found = sent(ROLES, body=body)
    assert found == {"messages": [{"role": "system"}, {"role": "user"}]}
    assert found["messages"][1] is body["messages"][1]


def test_what_cannot_be_written_is_left_to_be_refused() -> None:
    """Text of JSON is made of what JSON can hold; the rest is told with its place when the body is encoded."""
    body = {"a": {"b": {1, 2}, "c": float("nan")}}
    assert sent({"verb": "coerce", "member": "a", "to": "json"}, body=body)["a"] is not None
    assert sent({"verb": "coerce", "member": "a.c", "to": "text"}, body=body) is body


def test_files_are_left_alone() -> None:
    """What writes nothing stays as it is, also where a rule looks at it."""
    file = object()
    body = {"file": file, "model": "m", "parts": [file]}
    rules: list[Json] = [
        {"verb": "drop", "member": "file", "is": "text"},
        {"verb": "drop", "member": "parts[]", "is": {"null": True}},
    ]
    assert sent(*rules, body=body) is body


def test_a_circle_is_refused() -> None:
    """A body that holds itself is refused in words, where an object makes a rule enter it; and so is a schema."""
    circle: list[Any] = [Message("a", 1)]
    circle += [circle, circle]
    with pytest.raises(ValidationError, match="in a circle"):
        sent(ROLES, body={"messages": circle})
    schema: Json = {"type": "object"}
    schema["properties"] = {"a": schema, "b": schema}
    with pytest.raises(ValidationError, match="in a circle"):
        sent({"verb": "clean", "member": "s", "remove": ["x"]}, body={"s": schema})


def test_numbers_of_other_libraries_are_compared() -> None:
    """A value whose == gives no bool equals nothing."""

    class Odd:
        def __eq__(self, other: object) -> Any:
            return [True]

        __hash__ = None  # type: ignore[assignment]

    body = {"input": Odd()}
    assert sent({"verb": "drop", "member": "input", "is": [1]}, body=body) is body


def test_long_bodies_are_amended_like_short_ones() -> None:
    """A body too long to be looked into, and those after it, are treated as any other."""
    rules = made(ROLES, {"verb": "drop", "member": "messages[].name"})
    for number in range(400):
        content = "a" * (9000 if number % 150 == 0 else 9)
        body = {"messages": [{"role": "developer", "content": content}, {"role": "user", "content": "b"}]}
        found, losses = rules.request(CHAT, body)
        assert found == {"messages": [{"role": "system", "content": content}, {"role": "user", "content": "b"}]}
        assert losses == ()


def test_no_rule_no_work() -> None:
    """A row that no rule is about gets its very body back."""
    rules = made(ROLES)
    body = {"messages": [{"role": "developer"}]}
    assert rules.request(bundled().find("responses.create"), body) == (body, ())
    assert rules.request(CHAT, {"model": 3, "messages": []})[0] == {"model": 3, "messages": []}
    assert made().refused(CHAT, body) is None


def test_many_models_are_forgotten() -> None:
    """A program that names ever other models gets the right rules for each."""
    rules = made({"verb": "drop", "member": "seed", "models": ["*7"]})
    for number in range(1100):
        assert rules.request(CHAT, {"model": f"m{number}", "seed": 1})[0].get("seed") == (None if number % 10 == 7 else 1)
        assert rules.answers(CHAT, f"m{number}") is None


def test_answers_are_made_once() -> None:
    """The same row and model get the same object; where no rule of replies is about them, none."""
    rules = Transformations("acme", (), [{"verb": "called"}])
    assert rules.answers(CHAT, "m") is rules.answers(CHAT, "m")
    assert rules.answers(CHAT, "m") is not None
    assert rules.answers(bundled().find("embeddings.create"), "m") is None


# --- Wrong rules ----------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str]] = [
    ({}, r"request\[1\]\.verb: None, wanted one of drop, keep"),
    ({"verb": []}, r"request\[1\]\.verb: \[\], wanted one of"),
    ({"verb": "dorp", "member": "a"}, r"request\[1\]\.verb: 'dorp', wanted one of drop"),
    ({"verb": "drop"}, r"request\[1\]\.member: missing"),
    ({"verb": "drop", "member": 3}, r"request\[1\]: "),
    ({"verb": "drop", "member": ""}, r"request\[1\]\.member: the whole body, wanted a member of it"),
    ({"verb": "drop", "member": "a..b"}, r"request\[1\]\.'a..b' is no path"),
    ({"verb": "drop", "member": "a", "if": {"b": {"odd": 1}}}, r"request\[1\]\.odd: no such test"),
    ({"verb": "drop", "member": "a", "where": {"b": {"type": "text"}}}, r"request\[1\]\.b: type: 'text', wanted one of array"),
    ({"verb": "drop", "member": "a", "is": {"above": "3"}}, r"request\[1\]\.above: of type str"),
    ({"verb": "drop", "member": "a", "is": {"above": True}}, r"request\[1\]\.above: of type bool"),
    ({"verb": "drop", "member": "a", "is": {"matches": "("}}, r"request\[1\]\.'\('"),
    ({"verb": "keep", "member": ""}, r"request\[1\]\.members: missing"),
    ({"verb": "move", "member": "a"}, r"request\[1\]\.to: missing"),
    ({"verb": "move", "member": "a", "to": "a"}, r"request\[1\]\.to: 'a' is the member itself"),
    ({"verb": "move", "member": "a[]", "to": "b"}, r"request\[1\]\.member: 'a\[\]', wanted the name of a member at its end"),
    ({"verb": "move", "member": "a", "to": "b[]"}, r"request\[1\]\.to: 'b\[\]', wanted names joined by dots"),
    ({"verb": "set", "member": "a.*", "value": 1}, r"request\[1\]\.member: 'a\.\*', wanted the name"),
    (
        {"verb": "map", "member": "a", "values": [["a", "b"], ["b", "c"]]},
        r"request\[1\]\.values: 'b' is a result, and is itself changed",
    ),
    ({"verb": "map", "member": "a", "values": [], "other": "go"}, r"request\[1\]\.other: 'go', wanted keep, drop or a table"),
    ({"verb": "map", "member": "a", "values": [["a"]]}, r"request\[1\]: "),
    ({"verb": "coerce", "member": "a", "to": "tuple"}, r"request\[1\]\.to: 'tuple', wanted one of list"),
    ({"verb": "template", "member": "a", "template": "{zone}{value}"}, r"request\[1\]\.template: no variable zone is set"),
    ({"verb": "clean", "member": "a", "remove": ["x"], "rename": [["y", "x"]]}, r"request\[1\]\.rename: 'x' is a result"),
    (
        {"verb": "shorten", "member": "a", "pattern": "[0-9]{3}", "length": 3},
        r"request\[1\]\.pattern: '\[0-9\]\{3\}' does not take 3",
    ),
]


@pytest.mark.parametrize(("rule", "message"), WRONG, ids=[str(rule) for rule, _ in WRONG])
def test_a_wrong_rule_is_refused_with_its_place(rule: Any, message: str) -> None:
    """What cannot be a rule is a ConfigError when the rules are read, not at a call."""
    with pytest.raises(ConfigError, match=f"^{message}"):
        made(ROLES, rule)


# --- What holds for all rules ---------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "role", "content", "n", "seed", "type", "text"])
SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, 2.5, "", "a", "b", "user", "tool", "text", "system", " "]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
PARTS = st.fixed_dictionaries({"type": st.sampled_from(["text", "image_url"])}, optional={"text": SCALARS, "a": VALUES})
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool", "system", "assistant", "developer"])},
    optional={"content": SCALARS | st.lists(PARTS, max_size=3), "a": VALUES, "b": VALUES, "n": SCALARS},
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(MESSAGES | VALUES, max_size=4),
        "tools": st.lists(
            st.sampled_from([{"type": "custom", "custom": {"name": "a"}}, {"type": "function", "function": {"name": "a"}}, 3])
        ),
        "tool_choice": st.sampled_from(
            ["auto", {"type": "function", "function": {"name": "a"}}, {"type": "custom", "custom": {"name": "a"}}]
        ),
        "response_format": st.sampled_from(
            [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}]
        ),
        "stream": st.booleans(),
        "a": VALUES,
        "b": VALUES,
        "seed": SCALARS,
    },
)
MEMBERS = st.sampled_from(
    [
        "a",
        "b",
        "seed",
        "a.b",
        "messages[].content",
        "messages[].role",
        "messages[].a",
        "messages[].*",
        "messages[].content[].text",
        "a[]",
        "*",
    ]
)
NAMED = MEMBERS.filter(lambda member: member[-1] not in "]*")
TESTS = st.one_of(
    SCALARS.filter(lambda value: value is not None),
    st.lists(SCALARS, min_size=1, max_size=3),
    st.fixed_dictionaries({}, optional={"null": st.booleans(), "empty": st.booleans(), "present": st.booleans()}),
    st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(["array", "object", "string", "number", "integer", "boolean", "null"])}
    ),
    st.fixed_dictionaries(
        {"not": st.lists(SCALARS, min_size=1)}, optional={"above": st.just(0), "below": st.just(2), "matches": st.just("^a")}
    ),
)
PAIRS = st.lists(st.tuples(SCALARS, SCALARS).map(list), min_size=1, max_size=3)
OTHERS = st.sampled_from(["keep", "drop", {"to": "b"}, {"to": [1]}])
KEYWORDS = st.lists(NAMES, min_size=1, max_size=3, unique=True)


def rule(
    verb: str, member: st.SearchStrategy[str] | None = None, needed: Json | None = None, **optional: Any
) -> st.SearchStrategy[Json]:
    """Rules of one verb."""
    fixed = {"verb": st.just(verb), **({} if member is None else {"member": member}), **(needed or {})}
    wheres = {"where": st.dictionaries(NAMES, TESTS, max_size=2), "is": TESTS} if member is not None else {}
    return st.fixed_dictionaries(fixed, optional={"if": st.dictionaries(MEMBERS, TESTS, max_size=2), **wheres, **optional})


MESSAGE_LIST = st.just("messages")
RULES: dict[str, st.SearchStrategy[Json]] = {
    "drop": rule("drop", MEMBERS),
    "keep": rule("keep", st.sampled_from(["", "a", "messages[]", "messages[].content[]"]), {"members": KEYWORDS}),
    "exclusive": rule(
        "exclusive", None, {"members": st.lists(st.sampled_from(["a", "b", "tools", "seed"]), min_size=2, unique=True)}
    ),
    "move": rule(
        "move",
        NAMED,
        {"to": st.sampled_from(["b", "n", "a.n", "content", "/a.b", "/n", "/messages"])},
        values=PAIRS,
        other=OTHERS,
    ),
    "set": rule("set", NAMED, value=VALUES),
    "default": rule("default", NAMED, {"value": VALUES}, null=st.booleans()),
    "map": rule("map", MEMBERS, {"values": PAIRS}, other=OTHERS),
    "clamp": rule("clamp", MEMBERS, {"least": st.sampled_from([0, 1])}, most=st.sampled_from([1, 2])),
    "coerce": rule("coerce", MEMBERS, {"to": st.sampled_from(["list", "text", "json", "integer", "number", "boolean"])}),
    "flatten": rule("flatten", MEMBERS, join=st.sampled_from(["", "\n"]), null=st.booleans()),
    "template": rule(
        "template",
        MEMBERS,
        {"template": st.sampled_from(["x{value}", "{value}y", "x{value}y", "{value}{.role}"])},
        unless=st.just("^b"),
        without=st.just("a"),
    ),
    "clean": rule(
        "clean",
        MEMBERS,
        {"remove": KEYWORDS},
        objects=st.just({"n": False}),
        beside=st.just({"a": {"type": "b"}}),
        inward=KEYWORDS,
    ),
    "shorten": rule(
        "shorten", MEMBERS, {"pattern": st.just("[a-zA-Z0-9]{6}"), "length": st.just(6)}, also=st.just(["a", "messages[].b"])
    ),
    "merge": rule("merge", MESSAGE_LIST, {"roles": st.lists(st.sampled_from(["system", "developer", "user"]), min_size=1)}),
    "insert": rule(
        "insert", MESSAGE_LIST, {"value": st.just({"role": "assistant", "content": "OK"})}, between=st.just(["tool", "user"])
    ),
    "append": rule("insert", MESSAGE_LIST, {"value": st.just({"role": "assistant", "content": "OK"}), "append": st.just(True)}),
    "reorder": rule("reorder", st.just("messages[].content"), {"last": st.just(["text"])}),
    "tag": rule("tag", st.sampled_from(["messages[].a", "messages[].b"])),
    "block": rule("block", st.sampled_from(["messages[].a", "messages[].n"])),
    "narrow": rule("narrow", None, {"word": st.just("required")}),
    "prompt_schema": rule("prompt_schema"),
    "tools": rule("tools"),
    "stream": rule("stream", None, {"value": st.booleans()}),
    "warn": rule("warn", MEMBERS),
    "reject": rule("reject", MEMBERS),
}


def tried(*rules: Json) -> Transformations | None:
    """The rules, where they can be rules at all."""
    try:
        return made(*rules)
    except ConfigError:
        return None


def test_every_verb_is_drawn() -> None:
    """The rules drawn below are of every verb."""
    assert RULES.keys() - {"append"} == VERBS.keys()


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_rule_changes_nothing_in_its_own_result(name: str, data: st.DataObject) -> None:
    """Any rule, twice over any body: the second time nothing is lost and nothing changed; the caller's body is untouched."""
    drawn = data.draw(RULES[name])
    body = data.draw(BODIES)
    rules, before = tried(drawn), json.dumps(body)
    if rules is None:
        return
    try:
        found, losses = rules.request(CHAT, body)
    except ValidationError:
        assert name == "reject"
        assert rules.refused(CHAT, body) is not None
        return
    finally:
        assert json.dumps(body) == before
    after = json.dumps(found)
    again, more = rules.request(CHAT, found)
    assert again is found
    assert json.dumps(again) == after
    assert more == (losses if name == "warn" else ())
    assert (rules.refused(CHAT, body) is None) == (after == before)
    assert rules.refused(CHAT, found) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(*(drawn for name, drawn in RULES.items() if name != "reject")), min_size=2, max_size=5), BODIES)
def test_looking_at_the_text_first_changes_nothing(drawn: list[Json], body: Json) -> None:
    """Rules that are passed over because the JSON of the body lacks what they need would have done nothing."""
    rules = tried(*drawn)
    if rules is None:
        return
    work = Work(body, CHAT, lambda value: value)
    for one in read_rules(drawn, {}, "acme"):
        if not one.top or one.top in work.body:
            one.run(work)
    assert json.dumps(rules.request(CHAT, body)[0]) == json.dumps(work.body)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(*(drawn for name, drawn in RULES.items() if name != "reject")), min_size=1, max_size=4), BODIES)
def test_objects_are_treated_as_what_they_write(drawn: list[Json], body: Json) -> None:
    """The same body in a user's own classes comes to the same request."""

    class Own:
        def __init__(self, value: Any) -> None:
            self.value = value

        def to_dict(self) -> Any:
            return self.value

    rules = tried(*drawn)
    if rules is None:
        return

    def wrapped(value: Any) -> Any:
        if isinstance(value, dict):
            return Own({key: wrapped(item) for key, item in value.items()})
        return tuple(map(wrapped, value)) if isinstance(value, list) else value

    def bare(value: Any) -> Any:
        value = value.value if isinstance(value, Own) else value
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items()}
        return [bare(item) for item in value] if isinstance(value, list | tuple) else value

    outer = {key: wrapped(value) for key, value in body.items()}
    assert bare(rules.request(CHAT, outer)[0]) == rules.request(CHAT, body)[0]
