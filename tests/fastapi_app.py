"""An application in OpenAI's shape, written as people write them with FastAPI: whatever document that makes is imported."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, File, Form, Header, HTTPException, Query, UploadFile
from fastapi.responses import FileResponse, Response, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

KEY = "sk-local"


class TextPart(BaseModel):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """Where an image is."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(BaseModel):
    """A part of a message that is an image."""

    type: Literal["image_url"]
    image_url: ImageUrl


class Message(BaseModel):
    """A message with text or parts."""

    role: Literal["system", "user", "assistant"]
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]
    name: str | None = None


class ChatRequest(BaseModel):
    """What chat completions take here."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    stop: str | list[str] | None = None
    stream: bool | None = False
    top_k: Annotated[int, Field(gt=0)] | None = None


class Choice(BaseModel):
    """One answer."""

    index: int
    message: Message
    finish_reason: Literal["stop", "length"]


class ChatReply(BaseModel):
    """A whole completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]


class Model(BaseModel):
    """A model there is."""

    id: str
    object: Literal["model"] = "model"


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool = False


class StoredFile(BaseModel):
    """A file that was uploaded."""

    id: str
    bytes: int
    filename: str
    purpose: str


class Tree(BaseModel):
    """Something that holds itself."""

    value: int
    children: list[Tree] = []


bearer = HTTPBearer(auto_error=False)


def check_key(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
    """Refuse whoever has not the key."""
    if given is None or given.credentials != KEY:
        raise HTTPException(401, "no such key")


router = APIRouter(prefix="/v1", dependencies=[Depends(check_key)])


@router.get("/models")
def list_models() -> Page[Model]:
    """All models."""
    return Page(data=[Model(id="small"), Model(id="large")])


@router.get("/models/{model}")
def retrieve_model(model: str, x_trace: Annotated[str | None, Header()] = None) -> Model:
    """One model."""
    return Model(id=f"{model}/{x_trace}" if x_trace else model)


@router.post("/chat/completions", response_model=ChatReply, responses={200: {"content": {"text/event-stream": {}}}})
def chat(request: ChatRequest) -> Any:
    """Say back what was said last, whole or word by word."""
    said = request.messages[-1].content
    text = said if isinstance(said, str) else " ".join(part.text for part in said if isinstance(part, TextPart))
    if not request.stream:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {"id": "c-1", "created": 1, "model": request.model, "choices": [choice]}
    return StreamingResponse(chunks(text), media_type="text/event-stream")


def chunks(text: str) -> Iterator[str]:
    """The words as events."""
    for number, word in enumerate(words := text.split()):
        last = number == len(words) - 1
        choice = {"index": 0, "delta": {"content": word + " " * (not last)}, "finish_reason": "stop" if last else None}
        yield f"data: {json.dumps({'id': 'c-1', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


@router.post("/files")
def upload(file: Annotated[UploadFile, File()], purpose: Annotated[str, Form()]) -> StoredFile:
    """Take a file."""
    return StoredFile(id="file-1", bytes=len(file.file.read()), filename=file.filename or "", purpose=purpose)


@router.get("/files/{file_id}/content", response_class=FileResponse)
def content(file_id: str) -> Response:
    """The bytes of a file."""
    return Response(b"\x00\x01" + file_id.encode(), media_type="application/octet-stream")


@router.get("/files")
def list_files(after: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 2) -> Page[Model]:
    """Files, page by page."""
    start = int(after or 0) + 1
    return Page(data=[Model(id=str(number)) for number in range(start, start + limit)], has_more=start + limit < 6)


@router.delete("/files/{file_id}", status_code=204)
def delete(file_id: str) -> None:
    """Nothing comes back."""


@router.post("/rerank")
def rerank(query: str, documents: list[str], tags: Annotated[list[str] | None, Query()] = None) -> dict[str, list[int]]:
    """What OpenAI does not have: a body that is a list, and a query of a list."""
    return {"order": sorted(range(len(documents)), key=lambda place: query not in documents[place])}


@router.post("/trees", operation_id="trees.grow")
def grow(tree: Tree) -> Tree:
    """A schema that refers to itself."""
    return Tree(value=tree.value + 1, children=[tree])


@router.post("/login")
def login(
    name: Annotated[str, Form()], rights: Annotated[list[str], Form()], tags: Annotated[list[str] | None, Query()] = None
) -> dict[str, str | list[str] | None]:
    """A form that is not multipart, with lists in it and in the query."""
    return {"name": name, "rights": rights, "tags": tags}


def application() -> FastAPI:
    """The application, with its document at /openapi.json."""
    app = FastAPI(title="Local", version="1")
    app.include_router(router)
    return app


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The application on a free port of this machine: its address. Who comes too early waits in the queue of the socket."""
    server = uvicorn.Server(uvicorn.Config(application(), log_level="critical", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
