"""The verbs of request rules: each is a small function, in one table at the end. A rule is read once.

Rules of this file: a rule applied to its own result changes nothing; what a rule does not expect it leaves as it is, for the
service to judge; a body is changed only through `Work`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ValidationError
from . import members, messages
from .applying import Run, Spec, Turn, done, hits, told, turned
from .conditions import same
from .places import MISSING
from .values import GONE
from .work import Change, Work, shown


class Verb(NamedTuple):
    """What a verb does: `make` reads a rule, `loses` says of a change whether something was lost (None: never), `says` how.

    member  its place, where a rule names none; "" for the whole body, or several members of it
    reads   other paths that it looks at: below the member, or with "/" from the root
    needs   there is nothing to do where the member's first name is not in the body
    """

    make: Callable[[Spec], Run | None]
    loses: Callable[[Change], bool] | None
    says: str
    member: str | None = None
    reads: tuple[str, ...] = ()
    needs: bool = True

    def may_lose(self, rule: Mapping[str, Any]) -> bool:
        """Whether a rule without `loses` may lose something."""
        return self.loses is not None and (rule["verb"] != "map" or rule.get("other", "keep") != "keep")


#: What a member of a request says where it asks for nothing: taking it away, or ignoring it, loses nothing.
ASKS_NOTHING: dict[str, Any] = {
    "background": False,
    "best_of": 1,
    "echo": False,
    "frequency_penalty": 0,
    "logprobs": False,
    "n": 1,
    "presence_penalty": 0,
    "response_format": {"type": "text"},
    "store": False,
    "top_logprobs": 0,
}


def _in_list(make: Callable[[Mapping[str, Any]], Callable[[list[Any]], list[Any]]]) -> Callable[[Spec], Run]:
    """A verb about a list as a whole."""

    def made(spec: Spec) -> Run:
        change = make(spec.rule)
        return turned(spec, lambda value, holder: change(value) if isinstance(value, list) else value)

    return made


def _in_body(make: Callable[[Mapping[str, Any]], messages.InBody]) -> Callable[[Spec], Run]:
    """A verb about several members of the body."""

    def made(spec: Spec) -> Run:
        change = make(spec.rule)
        when = spec.when

        def run(work: Work) -> Sequence[Change]:
            if when is not None and not when(work):
                return ()
            changes = change(work)
            work.forget()
            return changes

        return run

    return made


def _into_content(spec: Spec, join: Callable[[Any, Any], Any]) -> Run:
    """A verb that puts a member of a message into the message's content."""

    def turn(value: Any, holder: Any) -> Any:
        new = join(value, holder.get("content"))
        return value if new is None else (new,)

    find, holders = hits(spec, turn), spec.holders

    def run(work: Work) -> Sequence[Change]:
        found = find(work)
        if not found:
            return ()
        trails = work.trails(holders, [hit[0] for hit in found])
        for i, key, _, (new,) in found:
            own = work.own(trails[i])
            del own[key]
            own["content"] = new
        return done(work, trails, found)

    return run


def _tag(spec: Spec) -> Run:
    word = spec.rule.get("word", "think")
    return _into_content(spec, lambda value, content: messages.tagged(value, content, word))


def _block(spec: Spec) -> Run:
    return _into_content(spec, lambda value, content: messages.into_block(value, content, spec.place.last))


def _stream(spec: Spec) -> Run:
    wanted = spec.rule["value"]

    def run(work: Work) -> Sequence[Change]:
        rule = work.route.stream
        if rule is None or rule.ask_in != "body" or (spec.when is not None and not spec.when(work)):
            return ()
        asked = work.body.get(rule.ask_key, MISSING)
        if (asked == rule.ask_value) is wanted:
            return ()
        own = work.own()
        new = own[rule.ask_key] = rule.ask_value if wanted else False
        if not wanted:
            own.pop("stream_options", None)  # only a stream may have them
        work.forget()
        return (((rule.ask_key,), asked, new),)

    return run


def _noticed(spec: Spec) -> Turn:
    """What stands for a member that asks for something; with a test of the value the rule says itself what that is."""
    if spec.holds is not None:
        return lambda value, holder: GONE
    text = spec.place.text
    return lambda value, holder: GONE if asks(text, value) else value


def _warn(spec: Spec) -> Run:
    return told(spec, _noticed(spec))


def _reject(spec: Spec) -> Run:
    find, why = told(spec, _noticed(spec)), spec.rule.get("why", "the service does not take it")

    def run(work: Work) -> Sequence[Change]:
        for path, old, _ in find(work):
            raise ValidationError.at(path, f"{shown(old)}: {why}")
        return ()

    return run


# --- What is lost -------------------------------------------------------------------------------------------


# What counts as a loss: nothing that asks for nothing.


def asks(name: str, value: Any) -> bool:
    """Whether a member with this value asks for anything. `name` is "" where it is no member of the body."""
    if value is None or value is MISSING or (isinstance(value, str | list | dict) and not value):
        return False
    return name not in ASKS_NOTHING or not same(value, ASKS_NOTHING[name])


def _asked(change: Change) -> bool:
    path, old, _ = change
    return asks(str(path[0]) if len(path) == 1 else "", old)


def _gone(change: Change) -> bool:
    return change[2] is GONE and _asked(change)


def _always(change: Change) -> bool:
    return True


def _of_tool(change: Change) -> bool:
    return change[0][0] == "tools"


_PROMPTED = "sent as json_object, with the schema in the messages"
_TOOLS = ("/tools[].custom", "/tool_choice.custom", "/messages[].tool_calls[].custom")

VERBS: dict[str, Verb] = {
    "drop": Verb(members.drop, _gone, "dropped"),
    "keep": Verb(members.keep, _gone, "dropped"),
    "exclusive": Verb(members.exclusive, _gone, "dropped", ""),
    "move": Verb(members.move, _gone, "moved"),
    "map": Verb(members.mapped, _gone, "{old} changed to {new}"),
    "set": Verb(members.set_to, _asked, "{old} changed to {new}", needs=False),
    "default": Verb(members.default, None, "set to {new}", needs=False),
    "clamp": Verb(members.clamp, _always, "{old} changed to {new}"),
    "coerce": Verb(members.coerce, None, "{old} changed to {new}"),
    "flatten": Verb(members.flatten, None, "joined", None, ("[]",)),
    "template": Verb(members.template, None, "{old} changed to {new}"),
    "clean": Verb(members.clean, None, "schema cleaned"),
    "shorten": Verb(members.shorten, None, "shortened", needs=False),
    "merge": Verb(_in_list(messages.merged), None, "merged", "messages", ("[].content[]",)),
    "insert": Verb(_in_list(messages.inserted), None, "completed", "messages", ("[]",)),
    "reorder": Verb(_in_list(messages.reordered), None, "reordered", "input", ("[]",)),
    "tag": Verb(_tag, None, "put into the text", None, ("/messages[].content[]",)),
    "block": Verb(_block, None, "put into the content", None, ("/messages[].content[]",)),
    "narrow": Verb(_in_body(messages.narrowed), None, "changed to {new}", "", ("/tool_choice.function", "/tools[].function")),
    "prompt_schema": Verb(
        _in_body(messages.prompted), _always, _PROMPTED, "response_format", ("/response_format.json_schema", "/messages[]")
    ),
    "tools": Verb(_in_body(messages.as_functions), _of_tool, "sent as a function", "", _TOOLS),
    "stream": Verb(_stream, None, "{old} changed to {new}", ""),
    "warn": Verb(_warn, _always, "ignored"),
    "reject": Verb(_reject, None, "{old}"),
}
"""Every verb of a request rule."""
