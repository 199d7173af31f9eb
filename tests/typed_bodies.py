"""Bodies made from the official SDK's types: together they take every branch and every optional key at least once.

`bodies(annotation)` walks an object type (TypedDict or pydantic model) and gives a list of JSON values, the same each
time. The first holds every key, the last only what must be there; those between take the further branches of unions,
the further literals and null, each beside as little else as will do. `whole_bodies` is for replies, whose types do not
tell a key that may be absent from one that may be null: every key is there every time, and the branches of a type are
taken where it is met first. Texts and numbers are chosen by the key they stand under, so that what a key of that name
means in the API (an id, a time, an address) is what stands there.
"""

from __future__ import annotations

import collections.abc
import functools
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Required

import typing_extensions
from arguments import is_file, members
from openai._base_client import BasePage
from pydantic import BaseModel
from sdk_types import LISTS


def bodies(annotation: Any) -> list[Any]:
    """Values of a type, the fullest first, the barest last."""
    return _several(annotation, Walk())


def whole_bodies(annotation: Any) -> list[Any]:
    """Values of a type that hold every key."""
    return _several(annotation, Walk(whole=True))


@dataclass(frozen=True)
class Walk:
    """Where a walk stands: the keys and the object types above; whether keys may be left out; the types seen so far."""

    keys: tuple[str, ...] = ()
    types: tuple[Any, ...] = ()
    whole: bool = False
    met: dict[Any, list[Any]] = field(default_factory=dict)

    def below(self, key: str, kind: Any = None) -> Walk:
        """The place under a key of an object of that type."""
        return replace(self, keys=(*self.keys, key), types=self.types if kind is None else (*self.types, kind))


def _several(annotation: Any, walk: Walk) -> list[Any]:
    """Values that take each choice below an annotation at least once."""
    choices = members(annotation)
    if any(is_file(one) for one in choices):
        return ["content of the file"]
    return _distinct([value for one in _wide_first(choices) for value in _of_one(one, walk)])


def _wide_first(choices: list[Any]) -> list[Any]:
    """Null after all else, so that the first body of a type shows something."""
    return sorted(choices, key=lambda one: one is type(None))


def _of_one(kind: Any, walk: Walk) -> list[Any]:
    """Values of a type that is no union."""
    origin = typing.get_origin(kind) or kind
    if kind is type(None):
        return [None]
    if origin in _LITERALS:
        return list(typing.get_args(kind))
    if is_object(origin):
        return _objects(kind, walk)
    if origin in LISTS:
        (item,) = typing.get_args(kind) or (str,)
        return [[value] * (2 if walk.keys[-1:] == ("range",) else 1) for value in _several(item, walk)]
    if origin in (dict, collections.abc.Mapping):
        return _maps(kind, walk)
    return [leaf(origin, walk)]


def is_object(kind: Any) -> bool:
    """Whether a type is one of the SDK's object types."""
    return typing_extensions.is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _maps(kind: Any, walk: Walk) -> list[Any]:
    """Objects whose keys are free, with one key that suits their place."""
    _, item = typing.get_args(kind) or (str, object)
    key = next((value for name, value in _KEYS if walk.keys and re.fullmatch(name, walk.keys[-1])), "plan")
    return [{key: value} for value in _several(item, walk.below(key))]


def _objects(kind: Any, walk: Walk) -> list[Any]:
    """Objects of a type: all keys, then each further choice of a key beside what must be there, then that alone."""
    if kind in walk.types:
        return [least(kind, walk)]
    if walk.whole and kind in walk.met:
        return walk.met[kind][:1]
    fields = object_fields(kind)
    choices = {name: _several(one, walk.below(name, kind)) for name, (one, _) in fields.items()}
    if walk.whole:
        spare = {name: values[0] for name, values in choices.items()}
    else:
        spare = {name: least(one, walk.below(name, kind)) for name, (one, must) in fields.items() if must}
    found = []
    for turn in range(max(map(len, choices.values()), default=1)):
        taken = spare | {name: values[turn] for name, values in choices.items() if turn < len(values)}
        found.append({name: taken[name] for name in fields if name in taken})
    walk.met[kind] = found
    return found if walk.whole else [*found, spare]


def least(annotation: Any, walk: Walk) -> Any:
    """The smallest value of a type that does not lead back into one being walked."""
    made = [value for one in members(annotation) for value in _least_of_one(one, walk)]
    if not made:
        raise RecursionError(f"no end to {annotation} at {'.'.join(walk.keys)}")
    return min((value for value in made if value is not None), key=lambda value: len(json.dumps(value)), default=None)


def _least_of_one(kind: Any, walk: Walk) -> list[Any]:
    origin = typing.get_origin(kind) or kind
    if origin in LISTS:
        (item,) = typing.get_args(kind) or (str,)
        try:
            return [[least(item, walk)]]
        except RecursionError:
            return [[]]
    if not is_object(origin):
        return _of_one(kind, walk)
    if walk.types.count(kind) > 1:
        return []
    must = {name: one for name, (one, must) in object_fields(kind).items() if must}
    try:
        return [{name: least(one, walk.below(name, kind)) for name, one in must.items()}]
    except RecursionError:
        return []


@functools.cache
def object_fields(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """The keys of an object type as they go on the wire: annotation, and whether the key must be there."""
    if typing_extensions.is_typeddict(typing.get_origin(kind) or kind):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        return {name.rstrip("_"): (one, str(typing.get_origin(one)) in _REQUIRED) for name, one in hints.items()}
    kind.model_rebuild()
    fields = {one.alias or name: (_present(one), one.is_required()) for name, one in kind.model_fields.items()}
    if issubclass(kind, BasePage):
        fields = {name: (one, name in ("data", "object")) for name, (one, _) in fields.items()}
        return {"object": (Literal["list"], True), **fields} if "object" not in fields else fields
    return fields


def _present(field: Any) -> Any:
    """The annotation of a reply's key: one that may be left out is not told from null by the SDK, so it is not null."""
    if field.is_required():
        return field.annotation
    kept = tuple(one for one in members(field.annotation) if one is not type(None))
    return typing.Union[kept]  # noqa: UP007


def _distinct(values: list[Any]) -> list[Any]:
    """Each value once, in their order."""
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())


def leaf(kind: Any, walk: Walk) -> Any:
    """A text, number or other plain value as it would stand under that key of that type."""
    name = walk.keys[-1] if walk.keys else "value"
    full = f"{walk.types[-1].__name__}.{name}" if walk.types else name
    known = _PLAIN.get(kind, _PLAIN[object])
    found = (value for pattern, value in known if re.fullmatch(pattern, name) or re.fullmatch(pattern, full))
    return next(found, _DEFAULT.get(kind, {"note": "free"}))


_REQUIRED = {str(Required), str(typing_extensions.Required)}
_LITERALS = (Literal, typing_extensions.Literal)

_DEFAULT: dict[Any, Any] = {str: "a few words", int: 3, float: 0.5, bool: True}
ISO_TIME = "2026-03-14T09:26:53Z"
_KEYS = (("logit_bias", "1734"), ("headers|.*headers", "X-Team"), ("env.*", "LANG"))
_PLAIN: dict[Any, tuple[tuple[str, Any], ...]] = {
    object: (("filters", {"type": "eq", "key": "lang", "value": "en"}),),
    bool: (),
    int: (
        ("ChatSession.*seconds", 600),
        ("compact_threshold", 20000),
        (r".*_at|created|.*_time|expires?|.*_after_time", 1773480413),
        ("seconds|expires_after|anchor_seconds|.*expires.*", 3600),
        ("width|display_width", 1280),
        ("height|display_height", 800),
        ("days|.*_days", 7),
        ("max_chunk_size_tokens", 800),
        ("chunk_overlap_tokens", 400),
        ("bytes|.*bytes", 104),
        ("port", 443),
        ("rate|sample_rate", 24000),
        ("max_(output|completion|prompt)_tokens|max_tokens|.*token_limit.*|retention_ratio", 2048),
        ("prefix_padding_ms|silence_duration_ms|idle_timeout_ms", 5000),
    ),
    float: ((r".*_at|created", 1773480413.0), ("temperature|speed|.*learning_rate.*", 1.0)),
    str: (
        (r".*transcription_sessions.*\.include", "item.input_audio_transcription.logprobs"),
        ("tunnel_id", "tunnel_0123456789abcdef0123456789abcdef"),
        ("namespace", "weather_tools"),
        ("id", "obj_7Hk2mQ9x"),
        ("model|.*_model", "gpt-5.1"),
        ("file_ids?|.*file_id|input_file|training_file|validation_file|.*file", "file-Qp4xT1nB"),
        ("vector_store_ids?", "vs_93kd02"),
        ("assistant_id", "asst_1Vd9s"),
        ("thread_id", "thread_k2Dw1"),
        ("run_id", "run_83jdLs"),
        ("response_id|.*response_id", "resp_68c1f0"),
        ("conversation(_id)?", "conv_51aa09"),
        ("call_id|tool_call_id", "call_ue82Hs"),
        ("item_id|.*item_id", "item_003"),
        ("project_ids?|.*project_id", "proj_west"),
        ("user_ids?", "user_ada"),
        (".*_ids?", "obj_7Hk2mQ9x"),
        ("image_url|.*image_url", "https://pictures.example/cat.png"),
        ("email|.*emails?", "ada@example.org"),
        ("arguments", '{"city": "Oslo"}'),
        ("name|.*_name", "forecast"),
        ("role", "user"),
        ("text|content|input|output|delta|transcript|refusal|instructions|prompt|query", "How warm is it in Oslo today?"),
        ("data|audio|b64_json|partial_image_b64|result|.*base64", "UklGRiQAAABXQVZF"),
        ("sha256|.*fingerprint|.*hash|md5", "9f86d081884c7d65"),
        ("domains?|.*_domains?", "example.org"),
        ("certificate|pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
        ("after|before|cursor|next|page|first_id|last_id", "obj_7Hk2mQ9x"),
        (".*_at|.*timestamp|start_time|end_time", ISO_TIME),
        ("size", "1024x1024"),
        ("(.*_)?url|.*endpoint|.*_uri|uri", "https://service.example/v1"),
        ("path|.*_path", "/data/report.csv"),
        ("language|locale", "en"),
        ("country", "NO"),
        ("timezone", "Europe/Oslo"),
        ("mime_type|media_type|.*_type", "text/plain"),
        ("filename", "report.csv"),
        ("version|.*version", "2"),
    ),
}
