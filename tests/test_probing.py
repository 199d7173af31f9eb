"""Probing: what is read out of answers, what follows for a profile, and what ends a course early. No network."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest

from oai_dyn import APIStatusError, ConfigError
from oai_dyn.probing import PROBES, Course, Finding, Step, chosen, composed, written
from oai_dyn.probing.finding import VERDICTS, Known
from oai_dyn.probing.readings import model_names
from oai_dyn.probing.refusals import error_form
from oai_dyn.probing.seen import Seen, short
from oai_dyn.probing.shapes import calls_in, message_of, text_of
from oai_dyn.probing.table import request_of
from oai_dyn.testing import Answer, ScriptedClient, answer, stream
from oai_dyn.validation import profile_faults

BY_NAME = {probe.name: probe for probe in PROBES}

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
HEAD = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
EVENT = {**HEAD, "object": "chat.completion.chunk"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "ok", "arguments": "{}"}}


def completion(content: Any = "Hi", finish: Any = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion in OpenAI's form; `more` goes into the message."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}
    return {**HEAD, "choices": [choice], "usage": USAGE}


def chunk(finish: Any = None, **delta: Any) -> dict[str, Any]:
    """An event of a stream of chat."""
    return {**EVENT, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def said(body: Any, status: int = 200) -> Seen:
    """An answer that came whole."""
    return Seen(status, "application/json", json.dumps(body).encode())


def streamed(*events: Any, done: bool = True) -> Seen:
    """An answer that came as a stream: objects as events, text as it is."""
    pieces = [one if isinstance(one, str) else f"data: {json.dumps(one)}\n\n" for one in events]
    return Seen(200, "text/event-stream", ("".join(pieces) + "data: [DONE]\n\n" * done).encode())


def no(status: int = 400, message: str = "not supported", code: Any = None, body: Any = None) -> Seen:
    """A refusal."""
    shown = {"error": {"message": message, "type": "x", "code": code}} if body is None else body
    return Seen(status, "", json.dumps(shown).encode(), APIStatusError(f"HTTP {status}: {message}", status=status, code=code))


def read(name: str, seen: Seen, known: Known | None = None) -> Finding:
    """What a probe reads out of an answer."""
    return BY_NAME[name].read(seen, known or Known("m", limit="max_tokens"))


def rules(finding: Finding, member: str = "reply") -> list[Any]:
    """The rules of a finding, without their reasons."""
    return [{key: value for key, value in rule.items() if key != "why"} for rule in finding.profile.get(member, ())]


# --- The table ----------------------------------------------------------------------------------------------


def test_the_table_leans_backwards_only() -> None:
    """Names are unique, and what a probe leans on stands before it."""
    names = [probe.name for probe in PROBES]
    assert len(names) == len(set(names))
    for place, probe in enumerate(PROBES):
        assert (probe.body is None) is bool(probe.of)
        assert {probe.of, probe.needs} - {""} <= set(names[:place])


def test_no_probe_is_costly() -> None:
    """No request asks for more than 16 tokens a choice, and each bound is what the plan says."""
    known = Known("m", "e", "max_tokens")
    for probe in (probe for probe in PROBES if probe.body is not None):
        body = request_of(probe, known)
        assert body is not None
        asked = sum(body.get(name, 0) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")) * body.get("n", 1)
        assert asked == probe.tokens <= 32
        assert len(json.dumps(body)) < 600


def test_nothing_is_asked_without_a_model() -> None:
    """Requests to models wait until one is known, and until something bounds its answers."""
    assert request_of(BY_NAME["seed"], Known()) is None
    assert request_of(BY_NAME["seed"], Known("m")) is None
    assert request_of(BY_NAME["chat"], Known("m")) is not None
    assert request_of(BY_NAME["embeddings"], Known("m")) is None


def test_some_probes_with_all_that_they_lean_on() -> None:
    """`--only` takes what is needed along."""
    assert [probe.name for probe in chosen(["tools_stream"])] == [
        "models", "chat", "max_completion_tokens", "tools", "tool_choice", "tools_stream",
    ]  # fmt: skip
    assert [probe.name for probe in chosen(["base64"])] == ["models", "embeddings", "base64"]
    assert [probe.name for probe in chosen(["files.list"])] == ["files.list"]
    assert chosen() == PROBES
    with pytest.raises(ConfigError, match="--only nothing: there is no such probe"):
        chosen(["nothing"])


# --- Requests -----------------------------------------------------------------------------------------------

#: A probe, an answer, and the verdict.
VERDICTS_OF: list[tuple[str, Seen, str]] = [
    ("seed", said(completion()), "works"),
    ("seed", no(422), "refused"),
    ("seed", no(501), "refused"),
    ("seed", no(200), "refused"),
    ("seed", no(503), "unknown"),
    ("seed", Seen(), "unknown"),
    ("chat", said({**completion(), "usage": {"completion_tokens": 60}}), "ignored"),
    ("max_completion_tokens", said(completion()), "works"),
    ("n", said(completion()), "ignored"),
    ("n", said({**HEAD, "choices": [{}, {}]}), "works"),
    ("logprobs", said(completion()), "ignored"),
    ("logprobs", said({"choices": [{"logprobs": {"content": []}}]}), "works"),
    ("tools", said(completion()), "unknown"),
    ("tools", said(completion(None, tool_calls=[CALL])), "works"),
    ("tool_required", said(completion()), "ignored"),
    ("tools_stream", no(), "refused"),
    ("tools_stream", streamed(chunk(content="Hi")), "unknown"),
    ("json_object", said(completion('{"a": 1}')), "works"),
    ("json_object", said(completion("[1]")), "ignored"),
    ("json_object", said(completion("Sure!")), "ignored"),
    ("json_object", said(completion('{"ok', "length")), "unknown"),
    ("json_object", said(completion("")), "unknown"),
    ("json_object", said(completion([{"type": "text", "text": '{"a": 1}'}, "x", {"type": "thinking"}])), "works"),
    ("json_schema", said(completion('{"ok": true}')), "works"),
    ("json_schema", said(completion('{"ok": 1}')), "ignored"),
    ("json_schema", said(completion("no")), "ignored"),
    ("stream", streamed(chunk(content="Hi")), "works"),
    ("stream", said(completion()), "differs"),
    ("stream", no(), "refused"),
    ("stream_usage", streamed(chunk(content="Hi"), {**EVENT, "choices": [], "usage": USAGE}), "works"),
    ("stream_usage", streamed(chunk(content="Hi")), "ignored"),
    ("base64", said({"data": [{"embedding": "AAAA"}]}), "works"),
    ("base64", said({"data": [{"embedding": [0.1]}]}), "ignored"),
    ("base64", said({"data": [1]}), "ignored"),
    ("base64", said([]), "ignored"),
    ("unknown_member", no(), "works"),
    ("unknown_member", said(completion()), "ignored"),
    ("unknown_member", no(500), "unknown"),
    ("no_key", said({"data": []}), "works"),
    ("no_key", no(401), "works"),
    ("no_key", no(403), "differs"),
    ("no_key", no(404), "unknown"),
    ("files.list", said({"data": []}), "works"),
    ("files.list", no(404), "absent"),
    ("files.list", no(405), "absent"),
    ("files.list", no(501), "absent"),
    ("files.list", no(401), "unknown"),
    ("moderations.create", no(422), "works"),
    ("moderations.create", no(404, "no such model"), "works"),
    ("moderations.create", no(404, "not here", "model_not_found"), "works"),
    ("moderations.create", Seen(404), "absent"),
    ("models", no(404), "absent"),
    ("models", said({"object": "list", "data": [{"id": "m"}]}), "works"),
    ("models", said([{"id": "m"}]), "differs"),
    ("models", said({"models": [{"name": "m"}]}), "differs"),
    ("wrong_model", said(completion()), "ignored"),
    ("wrong_model", no(404), "works"),
    ("wrong_model", no(400, code="model_not_found"), "works"),
    ("wrong_model", no(500), "unknown"),
    ("wrong_model", no(400), "differs"),
    ("wrong_model", no(404, body={"detail": "Not found"}), "differs"),
]


@pytest.mark.parametrize(("name", "seen", "verdict"), VERDICTS_OF)
def test_what_an_answer_tells_of_the_request(name: str, seen: Seen, verdict: str) -> None:
    """Taken, refused, ignored, absent, or not to be told; what follows is a profile's."""
    found = read(name, seen)
    assert found.verdict == verdict, found
    assert found.verdict in VERDICTS
    assert found.seen
    assert profile_faults({"name": "x", **found.profile}) == []


def test_the_service_itself_says_why() -> None:
    """A rule's reason is the refusal; that of an ignored member says so."""
    assert read("seed", no(400, "seed is unknown")).profile == {
        "request": [{"verb": "drop", "member": "seed", "why": "refused: HTTP 400: seed is unknown"}]
    }
    (rule,) = read("n", said(completion())).profile["request"]
    assert rule == {
        "verb": "clamp", "member": "n", "most": 1, "service": "ignores", "why": "one choice where two were asked for",
    }  # fmt: skip


def test_what_becomes_of_a_wish_depends_on_what_else_works() -> None:
    """A schema becomes a wish in words where JSON can be had; a choice of a tool the word for any, where that is known."""
    known = Known("m")
    assert rules(read("json_schema", no(), known), "request")[0]["verb"] == "drop"
    assert rules(read("tool_choice", no(), known), "request")[0]["verb"] == "drop"
    assert "loses" not in rules(read("stream_usage", no(), known), "request")[0]
    known.findings = {
        "json_object": Finding("works", ""), "tool_required": Finding("works", ""), "usage_unasked": Finding("differs", ""),
    }  # fmt: skip
    assert rules(read("json_schema", no(), known), "request")[0]["verb"] == "prompt_schema"
    narrowed = read("tool_choice", no(), known)
    assert rules(narrowed, "request") == [{"verb": "narrow", "word": "required"}]
    assert profile_faults({"name": "x", **narrowed.profile}) == []
    assert rules(read("stream_usage", no(), known), "request")[0]["loses"] is False


def test_names_of_models_in_any_form() -> None:
    """Lists under `data`, `models` or bare, of objects or texts; what has no name is passed over."""
    assert model_names({"data": [{"id": "a"}, {"name": "b"}, "c", 1, {}]}) == ["a", "b", "c"]
    assert model_names({"models": [{"model": "a", "name": "b"}]}) == ["a"]
    assert model_names(["a"]) == ["a"]
    assert model_names({"data": None}) == model_names(None) == []


@pytest.mark.parametrize(
    ("body", "form", "words"),
    [
        ({"error": "no"}, {"error": "{message}"}, "a text under `error`"),
        ({"detail": [{"loc": ["a"], "msg": "no"}]}, {"detail": [{"msg": "{message}"}]}, "under `detail`"),
        ([{"error": {"code": 400, "message": "no"}}], [{"error": {"code": "{status}", "message": "{message}"}}], "in a list"),
        ({"success": False, "errors": [{"message": "no", "code": 7}]},
         {"success": False, "errors": [{"message": "{message}", "code": "{code}"}]}, "a list under `errors`"),
        ({"message": "no", "request_id": "r-1"}, {"message": "{message}"}, "a flat object"),
        ({"title": "no", "empty": []}, {"title": "{type}"}, "problem"),
        ({"what": 1}, None, "an object of its own"),
        ("no", None, "no JSON object"),
    ],
)  # fmt: skip
def test_how_errors_look(body: Any, form: Any, words: str) -> None:
    """The form of an error as the local server would fill it in, without what is only of this one."""
    assert error_form(body, 400) == form
    found = read("wrong_model", no(400, body=body))
    assert found.verdict == "differs"
    assert words in found.seen
    assert found.profile.get("error_body") == form


def test_an_error_that_says_it_in_words_only() -> None:
    """A wrong model that is no 404 becomes a rule by the words around its name; words that tell too little do not."""
    (rule,) = rules(read("wrong_model", no(400, "The model `no-such-model` is not served (here).")), "errors")
    assert rule == {"status": [400], "pattern": r"The\ model\ `.+`\ is\ not\ served\ \(here\)\.", "means": "model_not_found"}
    assert rules(read("wrong_model", no(400, "no-such-model?")), "errors") == []
    assert rules(read("wrong_model", no(400, "no such model")), "errors") == []


# --- Replies and streams ------------------------------------------------------------------------------------

#: A probe, an answer, and the rules that follow.
RULES_OF: list[tuple[str, Seen, list[dict[str, Any]]]] = [
    ("reply", said(completion()), []),
    ("reply", said({"result": completion()}), [{"verb": "unwrap", "member": "result"}]),
    ("reply", said({"choices": [{"message": {}}]}), [
        {"verb": "default", "member": "id", "make": "id"},
        {"verb": "default", "member": "created", "make": "created"},
        {"verb": "default", "member": "object", "value": "chat.completion", "on": ["reply"]},
        {"verb": "default", "member": "choices[].index", "make": "index"},
    ]),
    ("reply", said({**completion(), "object": "completion"}), [
        {"verb": "map", "member": "object", "values": [["completion", "chat.completion"]], "on": ["reply"]},
    ]),
    ("finish_reason", said(completion()), []),
    ("finish_reason", said(completion(finish="END_TURN")), [
        {"verb": "map", "member": "choices[].finish_reason", "values": [["END_TURN", "stop"]], "keep_as": "native_finish_reason"},
    ]),
    ("finish_reason", said(completion(finish=None)), [
        {"verb": "default", "member": "choices[].finish_reason", "value": "stop", "on": ["reply"]},
    ]),
    ("usage", said(completion()), []),
    ("usage", said({**completion(), "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}), [
        {"verb": "fill", "member": "usage.prompt_tokens", "from": ["input_tokens"]},
        {"verb": "fill", "member": "usage.completion_tokens", "from": ["output_tokens"]},
    ]),
    ("usage", said({**completion(), "usage": {"prompt_tokens": 1, "completion_tokens": 2}}), [
        {"verb": "recount", "what": "total"},
    ]),
    ("reasoning", said(completion(reasoning_content="So")), []),
    ("reasoning", said(completion(reasoning="So")), [
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
    ]),
    ("reasoning", said(completion("<think>So</think>Hi")), [{"verb": "tags", "member": "choices[].message.content"}]),
    ("reasoning", said(completion([{"type": "text", "text": "Hi"}])), [
        {"verb": "blocks", "member": "choices[].message.content"},
    ]),
    ("tool_calls", said(completion(tool_calls=[CALL])), []),
    ("tool_calls", said(completion(tool_calls=[{"function": {"arguments": {}}}, {"id": "a", "type": "function"}])), [
        {"verb": "coerce", "member": "choices[].message.tool_calls[].function.arguments", "to": "json"},
        {"verb": "default", "member": "choices[].message.tool_calls[].id", "make": "call_id"},
        {"verb": "default", "member": "choices[].message.tool_calls[].type", "value": "function"},
    ]),
    ("called", said(completion(finish="tool_calls", tool_calls=[CALL])), []),
    ("called", said(completion(tool_calls=[CALL])), [{"verb": "called"}]),
    ("stream_chunks", streamed(chunk(content="Hi"), chunk("stop")), []),
    ("stream_chunks", streamed({**EVENT, "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "eos"}]}), [
        {"verb": "fill", "member": "choices[].delta", "from": ["message"], "on": ["event"]},
        {"verb": "map", "member": "choices[].finish_reason", "values": [["eos", "stop"]], "keep_as": "native_finish_reason"},
    ]),
    ("tools_stream", streamed(chunk(tool_calls=[{"index": 0, **CALL}])), []),
    ("tools_stream", streamed(chunk(tool_calls=[{"function": {"name": "ok", "arguments": {}}}, {"index": 1}])), [
        {"verb": "number"},
        {"verb": "coerce", "member": "choices[].message.tool_calls[].function.arguments", "to": "json"},
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "wanted"), RULES_OF)
def test_what_an_answer_has_that_openais_has_not(name: str, seen: Seen, wanted: list[Any]) -> None:
    """Each oddity leads to the rule that mends it; an answer in form leads to none."""
    found = read(name, seen)
    assert found.verdict == ("differs" if wanted else "works")
    assert rules(found) == wanted
    assert profile_faults({"name": "x", **found.profile}) == []


@pytest.mark.parametrize(
    ("name", "seen", "words"),
    [
        ("reply", said({"text": "Hi"}), "no choices"),
        ("finish_reason", said(completion(finish="odd")), "finish reason 'odd'"),
        ("usage", said({**completion(), "usage": None}), "no usage"),
        ("usage", said({**completion(), "usage": {"total_tokens": 1}}), "no prompt_tokens; no completion_tokens"),
        ("stream_chunks", streamed({"text": "Hi"}), "no event has choices"),
        ("stream_chunks", streamed(chunk("odd", content="Hi")), ""),
        ("stream_chunks", streamed(chunk(content="Hi")), "no event says how the answer ended"),
    ],
)
def test_an_oddity_without_a_rule(name: str, seen: Seen, words: str) -> None:
    """What no rule can mend is told all the same; a word of an unknown meaning is not guessed at."""
    found = read(name, seen)
    assert found.profile == {}
    assert (found.verdict, found.seen) == ("differs", words) if words else found.verdict == "works"


@pytest.mark.parametrize(
    ("name", "seen", "verdict", "style"),
    [
        ("stream_done", streamed(chunk("stop")), "works", None),
        ("stream_done", streamed(chunk("stop"), done=False), "differs", {"done": False}),
        ("stream_framing", streamed(chunk("stop")), "works", None),
        ("stream_framing", streamed(": PING\n\n", chunk("stop")), "differs", {"comment": "PING"}),
        ("stream_framing", streamed(":\n\n", chunk("stop")), "differs", {"comment": True}),
        ("stream_framing", streamed("data: {}\r\n\r\n", chunk("stop")), "differs", {"crlf": True}),
        ("stream_framing", streamed("event: a\nid: 1\ndata:{}\n\n"), "differs", None),
        ("usage_unasked", streamed(chunk("stop")), "works", None),
        ("usage_unasked", streamed({**chunk("stop"), "usage": USAGE}), "differs", {"usage": "every"}),
        ("usage_unasked", streamed(chunk(), {**chunk("stop"), "usage": USAGE}), "differs", {"usage": "last"}),
    ],
)
def test_how_a_stream_looks(name: str, seen: Seen, verdict: str, style: Any) -> None:
    """Its end mark, its comments and line ends, and usage that nobody asked for, as the local server would have them."""
    found = read(name, seen)
    assert (found.verdict, found.profile.get("stream")) == (verdict, style)


@pytest.mark.parametrize(
    "name",
    ["reply", "finish_reason", "usage", "reasoning", "stream_done", "stream_framing", "stream_chunks", "usage_unasked", "called"],
)
def test_there_is_nothing_to_look_at(name: str) -> None:
    """Of a refusal, and of what is of the other kind, nothing is told."""
    other = said(completion()) if name.startswith(("stream", "usage_un")) else streamed({"text": "Hi"})
    for seen in (no(), other):
        assert read(name, seen).verdict == "unknown"


def test_odd_values_are_looked_over() -> None:
    """Whatever stands where something else is wanted does no harm."""
    assert message_of({"message": "Hi"}) == {}
    assert text_of({"choices": [1]}) == text_of(None) == ""
    assert calls_in({"choices": [{"message": {"tool_calls": [1]}}, {"message": {"tool_calls": 1}}]}) == []
    assert Seen(200, "", b"no json").data is None
    assert streamed("data: no json\n\n", chunk("stop")).events == [chunk("stop")]
    assert said({"usage": {"completion_tokens": "many"}}).answered_tokens == 0
    assert said([]).answered_tokens == no().answered_tokens == 0
    assert short("a\x1b[2J\n b" + "c" * 300).startswith("a?[2J b")
    assert len(short("c" * 300)) == 160


# --- The course ---------------------------------------------------------------------------------------------

LIST = answer({"object": "list", "data": [{"id": "whisper"}, {"id": "large"}, {"id": "large-mini"}, {"id": "text-embed"}]})
REFUSED = answer({"error": {"message": "not supported: sk-secret-1", "type": "x"}}, 400)


def course(
    script: Iterable[Answer | Exception], *names: str, amended: ScriptedClient | None = None, **more: Any
) -> tuple[Course, list[Step], ScriptedClient]:
    """Some probes against a script."""
    plain = ScriptedClient(script, api_key="sk-secret-1", max_retries=0)
    made = Course(chosen(names), plain, amended, **more)
    return made, list(made.run()), plain


def findings(steps: Iterable[Step]) -> dict[str, Finding]:
    """Findings by probe."""
    return {step.probe.name: step.finding for step in steps}


def body_of(client: ScriptedClient, place: int) -> Any:
    """What the request at a place held."""
    body = client.sent[place].body
    assert isinstance(body, bytes)
    return json.loads(body)


def test_a_small_model_that_chats_is_taken() -> None:
    """Of a list the first that chats, a small one rather; for vectors one that makes them."""
    made, steps, client = course([LIST, *[answer(completion())] * 3], "seed")
    assert (made.known.model, made.known.embedder) == ("large-mini", "text-embed")
    assert [body_of(client, place)["model"] for place in (1, 2, 3)] == ["large-mini"] * 3
    assert findings(steps)["seed"].verdict == "works"
    assert (made.requests, made.tokens, made.stopped) == (4, 6, "")


def test_a_model_that_is_given_is_asked() -> None:
    """The list is looked at all the same, and changes nothing."""
    made, _, client = course([LIST, *[answer(completion())] * 3], "seed", model="own")
    assert body_of(client, 1)["model"] == made.known.model == "own"


def test_vectors() -> None:
    """A model that makes vectors is asked for them; the first answers decide about the second."""
    made, steps, _ = course([LIST, answer({"data": [{"embedding": [1]}]}), answer({"data": [{"embedding": "AA"}]})], "base64")
    assert [findings(steps)[name].verdict for name in ("embeddings", "base64")] == ["works", "works"]
    made, steps, _ = course([answer({"data": []})], "base64", model="own-embed")
    assert made.known.embedder == "own-embed"


def test_what_bounds_answers_is_found_out() -> None:
    """Where max_tokens is refused, all else is asked with max_completion_tokens; where neither works nothing is."""
    made, steps, client = course([LIST, REFUSED, answer(completion()), answer(completion())], "seed")
    assert body_of(client, 3)["max_completion_tokens"] == 16
    profile = composed({"name": "x"}, steps, made.known)
    assert [(rule["verb"], rule["member"], rule["to"]) for rule in profile["request"]] == [
        ("move", "max_tokens", "max_completion_tokens")
    ]
    made, steps, client = course([LIST, REFUSED, REFUSED], "seed", "tools_stream")
    assert findings(steps)["seed"].seen == "not asked: no model answers"
    assert composed({"name": "x"}, steps, made.known) == {"name": "x"}
    assert len(client.sent) == 3


def test_a_bound_that_is_ignored_gives_way_to_one_that_is_kept() -> None:
    """Where max_tokens is taken and not kept, the other name is used."""
    over = {**completion(), "usage": {"completion_tokens": 17}}
    _, _, client = course([LIST, answer(over), answer(completion()), answer(completion())], "seed")
    assert "max_completion_tokens" in body_of(client, 3)


def test_no_model_is_known() -> None:
    """Without a model nothing is asked of one."""
    _, steps, client = course([answer({"data": []})], "seed")
    assert findings(steps)["seed"].seen == "not asked: no such model is known"
    assert len(client.sent) == 1


def test_what_leans_on_a_refusal_is_not_asked() -> None:
    """Where tools are refused, no choice of one is asked for."""
    _, steps, client = course([LIST, answer(completion()), answer(completion()), REFUSED], "tools_stream", "tool_calls")
    found = findings(steps)
    assert found["tool_choice"].seen == "not asked: tools is not taken"
    assert found["tool_calls"].seen == "not asked"
    assert found["tools_stream"].seen == "not asked: tool_choice is not taken"
    assert len(client.sent) == 4


@pytest.mark.parametrize(
    "ending",
    [
        answer({"error": {"message": "slow down"}}, 429),
        answer({"error": {"message": "no money", "code": "insufficient_quota"}}, 402),
        answer({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
        answer({"error": {"message": "who?"}}, 401),
        stream([{"error": {"message": "slow down", "code": 429}}]),
    ],
)
def test_a_limit_ends_it_at_once(ending: Answer) -> None:
    """After a 429, an empty account or a refused key nothing more is sent; what is known by then is told."""
    made, steps, client = course([LIST, ending])
    assert len(client.sent) == 2
    assert list(findings(steps)) == ["models", "no_key", "chat"]
    assert made.stopped
    assert isinstance(made.refusal, APIStatusError)


def test_silence_ends_it() -> None:
    """A service that cannot be reached at first, or is silent twice in a row, is left alone."""
    made, steps, client = course([OSError("no route")], "seed")
    assert len(client.sent) == len(steps) == 1
    made, steps, client = course([LIST, answer(completion()), OSError("gone"), OSError("gone")], "seed")
    assert len(client.sent) == 4
    assert made.stopped
    made, steps, client = course([LIST, OSError("gone"), answer(completion()), OSError("gone")], "seed")
    assert not made.stopped


def test_answers_that_are_longer_than_told_end_it() -> None:
    """A service that keeps to no bound is asked no further."""
    long = {**completion(), "usage": {"completion_tokens": 9000}}
    made, _, client = course([LIST, answer(long)], "seed")
    assert len(client.sent) == 2
    assert made.stopped == "the service wrote 9000 tokens, where 48 were allowed in all"
    assert made.refusal is None


def test_a_refused_key_of_one_row_does_not_end_it() -> None:
    """A row that this key may not use tells nothing of the others."""
    made, steps, _ = course([LIST, answer({}, 401), answer({"data": []})], "models", "files.list", "batches.list")
    assert [finding.verdict for finding in findings(steps).values()] == ["works", "unknown", "works"]
    assert not made.stopped


def test_no_key_of_ours_is_kept() -> None:
    """What a service quotes of the key is in no finding, whole or in a stream."""
    events = stream([chunk(content="sk-secret-1"), {"error": {"message": "sk-secret-1"}}])
    made, steps, _ = course([LIST, REFUSED, answer(completion("sk-secret-1", finish="sk-secret-1")), events], "stream_done")
    assert "sk-secret-1" not in str(findings(steps)) + made.stopped
    assert all(b"sk-secret-1" not in seen.body for seen in made.answers.values())


# --- Through a profile --------------------------------------------------------------------------------------

RULES = {
    "name": "own",
    "absent": ["files.*"],
    "stream": {"crlf": True, "usage": "last"},
    "error_body": {"error": "{message}"},
    "request": [
        {"verb": "drop", "member": "seed"},
        {"verb": "warn", "member": "user"},
        {"verb": "drop", "member": "stop", "loses": False},
        {"verb": "reject", "member": "n"},
    ],
    "reply": [{"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]}],
}


def through(script: Iterable[Answer], again: Iterable[Answer], *names: str, rules: Any = RULES) -> dict[str, Finding]:
    """Some probes against a script, and those that are asked again against another."""
    amended = ScriptedClient(again, provider=rules, max_retries=0)
    _, steps, _ = course([LIST, *script], *names, amended=amended, profile=rules)
    assert not amended.script
    return findings(steps)


@pytest.mark.filterwarnings("ignore::oai_dyn.LossWarning")
def test_what_a_profile_handles_is_told() -> None:
    """A request that a rule mends is asked again; one that it refuses or tells of is not."""
    good, bad = answer(completion()), REFUSED
    found = through([good, good, bad, bad, bad, answer({}, 404)], [good, bad], "seed", "n", "stop", "files.list")
    assert {name: (one.verdict, one.handled) for name, one in found.items() if name in ("seed", "n", "stop", "files.list")} == {
        "seed": ("refused", True), "n": ("refused", True), "stop": ("refused", False), "files.list": ("absent", True),
    }  # fmt: skip
    assert "the profile refuses it" in found["n"].seen
    assert "with the profile's rules refused: HTTP 400" in found["stop"].seen


@pytest.mark.filterwarnings("ignore::oai_dyn.LossWarning")
def test_a_loss_that_is_told_is_handled() -> None:
    """A rule that only tells of what is ignored changes no request."""
    rules = {**RULES, "request": [{"verb": "warn", "member": "n"}]}
    good = answer(completion())
    assert through([good, good, good], [], "n", rules=rules)["n"].handled
    assert not through([good, good, good], [], "logprobs", rules=rules)["logprobs"].handled


def test_answers_are_brought_into_form_without_asking_again() -> None:
    """Rules for answers are held against the answers that there are, and how things look against the profile."""
    good = answer(completion(reasoning="So"))
    wrong = answer({"error": "no such model"}, 404)
    events = Answer(200, {"content-type": "text/event-stream"}, [b"data: {}\r\n\r\n", b"data: [DONE]\r\n\r\n"])
    found = through([good, good, events, wrong], [], "reasoning", "stream_framing", "wrong_model")
    for name in ("reasoning", "stream_framing", "wrong_model"):
        assert (found[name].verdict, found[name].handled) == ("differs", True), name


def test_events_are_brought_into_form() -> None:
    """Rules for events are held against the stream that there is."""
    rules = {"name": "own", "reply": [{"verb": "default", "member": "id", "make": "id", "on": ["event"]}]}
    good = answer(completion())
    events = stream([{**chunk("stop", content="Hi"), "id": ""}])
    assert through([good, good, events], [], "stream_chunks", rules=rules)["stream_chunks"].handled


def test_a_stream_that_is_played_is_handled() -> None:
    """What streams to the user is handled, though it came whole."""
    good = answer(completion())
    rules = {"name": "own", "request": [{"verb": "stream", "value": False}]}
    found = through([good, good, REFUSED], [good], "stream", rules=rules)
    assert (found["stream"].verdict, found["stream"].handled) == ("refused", True)


@pytest.mark.filterwarnings("ignore::oai_dyn.LossWarning")
def test_a_service_that_takes_only_what_the_profile_makes() -> None:
    """Where neither bound is taken as it is, all is asked through the profile."""
    rules = {
        "name": "own",
        "request": [
            {"verb": "move", "member": "max_tokens", "to": "most"},
            {"verb": "move", "member": "max_completion_tokens", "to": "most"},
            {"verb": "reject", "member": "seed"},
        ],
        "reply": [{"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]}],
    }
    good, bad = answer(completion(reasoning="So")), REFUSED
    found = through([bad, bad], [good, good, bad, good], "seed", "n", "reasoning", "logit_bias", rules=rules)
    assert (found["chat"].handled, found["max_completion_tokens"].handled, found["reasoning"].handled) == (True, True, True)
    assert found["seed"] == Finding("refused", found["seed"].seen, handled=True)
    assert (found["n"].verdict, found["n"].handled) == ("refused", False)
    assert found["logit_bias"].verdict == "works"


def test_a_request_that_cannot_be_made() -> None:
    """A path that wants what a probe has not is no verdict about the service."""
    plain = ScriptedClient([], provider={"name": "own", "paths": {"/files": "/{model}/files"}}, max_retries=0)
    (step,) = Course(chosen(["files.list"]), plain).run()
    assert (step.finding.verdict, step.finding.handled) == ("unknown", False)
    assert step.finding.seen.startswith("not sent: ")


# --- The profile --------------------------------------------------------------------------------------------


def test_findings_become_a_profile() -> None:
    """Lists go on, each rule once; how streams look is put together; what is handled is left out."""
    rule = {"verb": "drop", "member": "seed", "why": "no"}
    steps = [
        Step(BY_NAME["seed"], Finding("refused", "", {"request": [rule]})),
        Step(BY_NAME["user"], Finding("refused", "", {"request": [{**rule, "why": "again"}]})),
        Step(BY_NAME["stop"], Finding("refused", "", {"request": [{"verb": "drop", "member": "stop"}]}, handled=True)),
        Step(BY_NAME["stream_done"], Finding("differs", "", {"stream": {"done": False}})),
        Step(BY_NAME["stream_framing"], Finding("differs", "", {"stream": {"crlf": True}})),
        Step(BY_NAME["wrong_model"], Finding("differs", "", {"error_body": {"detail": "{message}"}})),
        Step(BY_NAME["files.list"], Finding("absent", "", {"absent": ["files.*", "a.*"]})),
    ]
    profile = composed({"name": "x", "absent": ["a.*"]}, steps, Known())
    assert profile == {
        "name": "x",
        "absent": ["a.*", "files.*"],
        "request": [rule],
        "stream": {"done": False, "crlf": True},
        "error_body": {"detail": "{message}"},
    }
    assert tomllib.loads(written(profile, "head")) == profile
    assert written({"absent": []}) == "absent = []\n"


def test_any_profile_is_written_as_it_is() -> None:
    """Text with quotes, breaks and signs, tables in tables, names that are no bare keys."""
    profile = {
        "name": 'a"b\\c\n\x7f\u2028é',
        "query": {"a.b": 'x"', "c": True, "d": 1.5},
        "headers": {},
        "request": [{"verb": "map", "values": [["a", 1]], "if": {"a.b": {"present": False}}}],
        "errors": [{"status": [400], "pattern": "\\."}],
    }
    assert tomllib.loads(written(profile)) == profile
