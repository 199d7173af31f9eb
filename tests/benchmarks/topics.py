"""The topics whose candidates run in a child process, by the name `--only` takes."""

from collections.abc import Mapping
from typing import Final

from .crowd import CROWD
from .failover import FAILOVER_ASYNC, FAILOVER_SYNC
from .plain_calls import PLAIN_ASYNC, PLAIN_SYNC
from .profiles import PROFILE_CALL, PROFILE_EVENTS
from .streamed_events import STREAM_ASYNC, STREAM_SYNC
from .topic import Topic
from .upload import UPLOAD
from .validation import VALIDATED_STREAM, VALIDATION, VALIDATION_FAST

TOPICS: Final[Mapping[str, Topic]] = {
    "plain-sync": PLAIN_SYNC,
    "plain-async": PLAIN_ASYNC,
    "stream-sync": STREAM_SYNC,
    "stream-async": STREAM_ASYNC,
    "crowd": CROWD,
    "upload": UPLOAD,
    "failover-sync": FAILOVER_SYNC,
    "failover-async": FAILOVER_ASYNC,
    "profile": PROFILE_CALL,
    "profile-stream": PROFILE_EVENTS,
    "validation": VALIDATION,
    "validation-fast": VALIDATION_FAST,
    "validation-stream": VALIDATED_STREAM,
}
