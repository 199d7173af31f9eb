"""Reply rules read backwards: what the rules make of a spoiled answer has all that the answer had."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import pytest
from spoiled_cases import REPLIES, STREAMS, Json

from oai_dyn.catalog import packaged_names
from oai_dyn.profiles import load
from oai_dyn.routes import bundled
from oai_dyn.server.answers import json_answer
from oai_dyn.server.asked import Asked
from oai_dyn.server.backwards import BACKWARDS, spoiler
from oai_dyn.server.streams import events
from oai_dyn.transformations.assembly import joined, replayed
from oai_dyn.transformations.replies import MEMBERS, ROWS, VERBS, answers_of, singly

ASK = [{"role": "user", "content": "What is the weather?"}]
FUNCTION = {"name": "weather", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
TOOL = {"type": "function", "function": FUNCTION}

#: Requests whose answers are samples, by row; any other row is asked for nothing.
REQUESTS: dict[str, list[Json]] = {
    "chat.completions.create": [
        {"messages": ASK},
        {"messages": ASK, "reasoning_effort": "low"},
        {"messages": ASK, "reasoning_effort": "low", "tools": [TOOL]},
        {"messages": ASK, "tools": [{"type": "function", "function": {"name": "now"}}]},
    ],
    "completions.create": [{"prompt": "p"}],
    "embeddings.create": [{"input": ["a", "b"]}],
    "responses.create": [{"input": "x"}, {"input": "x", "tools": [{"type": "function", **FUNCTION}]}],
}

#: Members that are made anew.
MADE = ("id", "call_id", "item_id", "index", "output_index")


def asked(row: str, body: Json) -> Asked:
    """A request of which the local server makes the answer."""
    return Asked(bundled().find(row), {}, {}, {"model": "m", **body}, 1, 0, thinks=True)


def wholes(row: str) -> Iterator[Json]:
    """Answers of a row in OpenAI's form; of a chat also some that the local server never gives."""
    for body in REQUESTS.get(row, [{}]):
        answer = json_answer(asked(row, body))
        yield answer
        if "has_more" in answer:
            yield {**answer, "has_more": False}
        if row == "chat.completions.create":
            usage: Json = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}
            usage |= {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
            text = answer["choices"][0]["message"]["content"] or ""
            logprobs = {"content": [{"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}]}
            choices = [{**choice, "finish_reason": "length", "logprobs": logprobs} for choice in answer["choices"]]
            yield {**answer, "usage": usage, "service_tier": "default"}
            if text:
                yield {**answer, "choices": choices, "service_tier": "priority"}


def streams(row: str) -> Iterator[list[Json]]:
    """Streams of a row in OpenAI's form, in pieces and in few."""
    if bundled().find(row).stream is not None:
        for body in REQUESTS.get(row, [{}]):
            body = {**body, "stream": True, "stream_options": {"include_usage": True}}
            yield [sent.data for sent in events(asked(row, body)) if isinstance(sent.data, dict)]
        yield from (found for answer in wholes(row) if (found := replayed(answer)))


def rows_of(rule: Mapping[str, Any]) -> list[str]:
    """The bundled rows that a rule is about."""
    return [name for name in bundled().names if any(fnmatchcase(name, pattern) for pattern in rule.get("rows", ROWS))]


def loose(rules: list[Mapping[str, Any]]) -> set[str]:
    """The members of which rules make another value than there was: only its type is the same."""
    names = set(MADE)
    for rule in rules:
        for one in singly(rule):
            member = str(one.get("member", MEMBERS.get(rule["verb"], "")))
            if rule["verb"] == "default" and ("make" in rule or member.startswith("data[]")):
                names.add(member.rpartition(".")[2])
            if rule["verb"] == "fill" and rule["from"] == ["total_tokens"]:
                names.add("prompt_tokens")
    return names


def covers(found: Any, sample: Any, free: set[str], name: str = "") -> bool:
    """Whether a value has all that another one has; null is as good as nothing."""
    if sample is None:
        return True
    if isinstance(sample, dict):
        return isinstance(found, dict) and all(covers(found.get(key), value, free, key) for key, value in sample.items())
    if isinstance(sample, list):
        return len(found) == len(sample) and all(covers(*two, free) for two in zip(found, sample, strict=True))
    if name == "arguments" and found != sample:
        found, sample = json.loads(found), json.loads(sample)
    return type(found) is type(sample) if name in free else bool(found == sample)


def there_and_back(rules: list[Mapping[str, Any]], row: str, model: str) -> bool:
    """Spoil all samples of a row and bring them into form again. Whether any was another in between."""
    spoils, answers, free = spoiler(rules, row, model), answers_of(rules, bundled().find(row), model), loose(rules)
    if spoils is None or answers is None:
        return False
    shown = False
    for sample in wholes(row):
        if any(rule["verb"] == "wrap" and row in rows_of(rule) for rule in rules):
            sample = {"object": "list", "data": sample["data"]}
        spoiled = spoils.reply(sample)
        shown |= str(spoiled) != str(sample)
        found = answers.reply(deepcopy(spoiled))
        assert covers(found, sample, free), (sample, spoiled, found)
    for every in streams(row):
        spoil, adapt = spoils.stream(), answers.stream()
        sent = [one for event in every for one in spoil(event)]
        shown |= str(sent) != str(every)
        got = deepcopy(sent)
        for i in range(0, len(got), 2):
            some = got[i : i + 2]
            adapt(some)
            got[i : i + 2] = some
        assert covers(joined(got), joined(every), free), (every, sent, got)
    return shown


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_what_is_spoiled_comes_back(name: str) -> None:
    """Each rule alone, which shows in some sample, and all rules of a profile together give back what they spoiled."""
    rules = list(load(name).get("reply", ()))
    for rule in rules:
        model = rule.get("models", ["m"])[0].strip("!*").replace("*", "-")
        assert True in [there_and_back([rule], row, model) for row in rows_of(rule)], rule
        for row in rows_of(rule):
            there_and_back(rules, row, model)


def test_all_verbs_have_their_opposite() -> None:
    """Both tables have the same verbs."""
    assert BACKWARDS.keys() == VERBS.keys()


@pytest.mark.parametrize("case", REPLIES)
def test_a_reply_is_spoiled(case: str) -> None:
    """What each verb does to an answer that is its own to mend; the answer itself is not touched."""
    rules, sample, wanted = REPLIES[case]
    spoils = spoiler(rules if isinstance(rules, list) else [rules], ROWS[0], "m")
    before = deepcopy(sample)
    assert spoils is not None
    assert str(spoils.reply(sample)) == str(wanted)
    assert sample == before


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_is_spoiled(case: str) -> None:
    """What each verb does to events that come one by one."""
    rule, sample, wanted = STREAMS[case]
    spoils = spoiler([rule], ROWS[0], "m")
    assert spoils is not None
    spoil = spoils.stream()
    assert [one for event in sample for one in spoil(event)] == wanted


def test_rules_of_others_do_nothing() -> None:
    """A rule of another row or another model spoils nothing."""
    rule = {"verb": "set", "member": "a", "value": 1, "rows": ["models.list"], "models": ["x*"]}
    assert spoiler([rule], "models.list", "m") is None
    assert spoiler([rule], "files.list", "x") is None
    assert spoiler([rule], "models.list", "x1") is not None
