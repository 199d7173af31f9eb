"""What is sent to a service, and what comes from it, amended by rules that are data.

    places       paths of rules                     values      a value made another
    conditions   their tests                        work        a body while rules go over it
    applying     going over a body with a rule      requests    the verbs of requests, with members, messages, schemas
    rules        rules of requests made ready       replies     the verbs of replies and events
    assembly     a whole reply as events, and events as a whole reply

Rules of this folder: nothing here does input or output, runs code from data or knows a provider by name; it is loaded
only where a profile has rules. What no rule names passes through untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..objects import plain
from ..wire import Frozen, Loss, Route
from .replies import Answers, answers_of
from .rules import Stack, read_rules
from .work import Work, Write

#: How many pairs of row and model are remembered.
_REMEMBERED = 512


class Transformations:
    """The rules of one provider's profile.

    provider    its name, for messages
    request     rules for what is sent, in the order in which they are applied
    reply       rules for what comes back
    variables   what the profile's variables stand for

    Raises `ConfigError` for a wrong rule, with its place.
    """

    __slots__ = ("_answers", "_reply", "_rules", "_stacks")

    def __init__(
        self,
        provider: str,
        request: Sequence[Mapping[str, Any]] = (),
        reply: Sequence[Mapping[str, Any]] = (),
        variables: Mapping[str, str] = Frozen(),
    ) -> None:
        self._rules = read_rules(request, variables, provider)
        self._reply = tuple(reply)
        self._stacks: dict[tuple[str, str], Stack] = {}
        self._answers: dict[tuple[str, str], Answers | None] = {}

    def _stack(self, route: Route, body: Mapping[str, Any]) -> Stack:
        """The rules for a row and the model that a body names."""
        model = body.get("model")
        key = route.name, model if isinstance(model, str) else ""
        stack = self._stacks.get(key)
        if stack is None:
            if len(self._stacks) >= _REMEMBERED:
                self._stacks.clear()
            fitting = (rule for rule in self._rules if rule.rows(route.name) and rule.models(key[1]))
            stack = self._stacks[key] = Stack(fitting)
        return stack

    def request(self, route: Route, body: dict[str, Any], write: Write = plain) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A body as the service takes it, and what that took of what was asked for. The caller's objects are never changed.

        write: turns an object into something plainer. Raises `ValidationError` for what the service cannot be asked.
        """
        stack = self._stack(route, body)
        if not stack:
            return body, ()
        work = Work(body, route, write)
        losses = stack.amend(work)
        return work.body, losses

    def refused(self, route: Route, body: dict[str, Any]) -> Loss | None:
        """The first thing in a body, as it came over the wire, that the service refuses; None where it takes it."""
        return self._stack(route, body).refused(body, route, plain)

    def answers(self, route: Route, model: str) -> Answers | None:
        """What brings the replies and events of a row into OpenAI's form; None where no rule is about it."""
        key = route.name, model
        if key not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[key] = answers_of(self._reply, route, model)
        return self._answers[key]
