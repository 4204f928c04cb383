"""ModelService: the server's own weights and the generators that jobs have trained."""

from __future__ import annotations

from pathlib import Path

import grpc

from synthaug.v1 import model_pb2, model_pb2_grpc
from synthaug.weights.registry import Weights, cache_folder, registry
from synthaug_server.front.boundary import Call
from synthaug_server.front.checks import Checks, Pages, page_size
from synthaug_server.front.stores import Stores
from synthaug_server.names import identifier_in
from synthaug_server.refusal import Refused, not_found
from synthaug_server.store.artifacts import State

__all__ = ["ModelServicer", "Models"]

# By how the registry's purpose begins.
_KINDS = {
    "finds faces": model_pb2.MODEL_KIND_FACE_DETECTOR,
    "recognises people": model_pb2.MODEL_KIND_FACE_RECOGNISER,
    "replaces faces": model_pb2.MODEL_KIND_FACE_GENERATOR,
}


class Models:
    """Finds models: those of the registry and those of an owner's jobs.

    Args:
        stores: what is kept.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def all(self, owner: str) -> list[model_pb2.Model]:
        """Every model an owner can use, without cards, by name."""
        return await self._stores.ask(self._all, owner)

    def _all(self, owner: str) -> list[model_pb2.Model]:
        found = [*map(_own, registry().values()), *self._stores.results.models(owner)]
        for model in found:
            model.card = ""
            if model.artifact:
                model.available = self._is_there(model, owner)
        return sorted(found, key=lambda model: model.name)

    async def find(self, identifier: str, owner: str) -> model_pb2.Model:
        """One model with its card.

        Raises:
            Refused: NOT_FOUND.
        """
        return await self._stores.ask(self._find, identifier, owner)

    def _find(self, identifier: str, owner: str) -> model_pb2.Model:
        weights = registry().get(identifier)
        if weights is not None:
            return _own(weights)
        model = self._stores.results.model(identifier, owner)
        if model is None:
            raise not_found("model")
        model.available = self._is_there(model, owner)
        return model

    def _is_there(self, model: model_pb2.Model, owner: str) -> bool:
        artifact = model.artifact.partition("/")[2]
        try:
            return self._stores.artifacts.find(artifact, owner).state is State.READY
        except Refused:
            return False

    async def generator(self, identifier: str, owner: str) -> tuple[model_pb2.Model, Path]:
        """A generator and the tar it lies in.

        Raises:
            Refused: NOT_FOUND; FAILED_PRECONDITION where it is none, or its artifact is gone.
        """
        model = await self.find(identifier, owner)
        if model.kind != model_pb2.MODEL_KIND_GENERATOR:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_GENERATOR",
                "the model draws no images of classes",
            )  # fmt: skip
        if not model.available:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION, "MODEL_GONE",
                "the model's artifact was deleted; train it again",
            )  # fmt: skip
        return model, self._stores.artifacts.file(model.artifact.partition("/")[2])


def _own(weights: Weights) -> model_pb2.Model:
    """A model of the registry. Its hash is checked where it is loaded, not here."""
    file = cache_folder() / weights.file
    kinds = [kind for words, kind in _KINDS.items() if weights.purpose.startswith(words)]
    model = model_pb2.Model(
        name=f"models/{weights.name}",
        kind=kinds[0] if kinds else model_pb2.MODEL_KIND_FEATURES,
        sha256=bytes.fromhex(weights.sha256),
        size_bytes=weights.size,
        licence=weights.licence,
        purpose=weights.purpose,
        convention=weights.convention,
        available=file.is_file() and file.stat().st_size == weights.size,
        etag=weights.sha256[:16],
    )
    model.card = (
        f"# {weights.name}\n\n{weights.purpose}\n\n- input and output: {weights.convention}\n"
        f"- licence: {weights.licence}\n- SHA-256: {weights.sha256}\n- source: {weights.url}\n"
    )
    return model


class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    """See protos/synthaug/v1/model.proto.

    Args:
        models: finds them.
        pages: makes page tokens.
    """

    def __init__(self, models: Models, pages: Pages) -> None:
        self._models = models
        self._pages = pages

    async def ListModels(  # noqa: N802
        self, request: model_pb2.ListModelsRequest, call: Call
    ) -> model_pb2.ListModelsResponse:
        """A page of models."""
        size, owner = page_size(request.page_size), call.caller.owner
        checks = Checks()
        checks.need(request.kind in model_pb2.ModelKind.values(), "kind", "one of its values")
        checks.done()
        question = ("models", owner, int(request.kind))
        place = self._pages.place(question, request.page_token)
        found = [
            model
            for model in await self._models.all(owner)
            if request.kind in (model_pb2.MODEL_KIND_UNSPECIFIED, model.kind)
            and (place is None or model.name > str(place[0]))
        ]
        answer = model_pb2.ListModelsResponse(models=found[:size])
        if len(found) > size:
            answer.next_page_token = self._pages.token(question, (found[size - 1].name,))
        return answer

    async def GetModel(  # noqa: N802
        self, request: model_pb2.GetModelRequest, call: Call
    ) -> model_pb2.GetModelResponse:
        """One model with its card."""
        identifier = identifier_in(request.name, "models", "name")
        return model_pb2.GetModelResponse(
            model=await self._models.find(identifier, call.caller.owner)
        )
