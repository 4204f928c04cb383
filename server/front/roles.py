"""What role each method asks for; a method that is not here cannot be served."""

from __future__ import annotations

from synthaug_server.store.access import Role

__all__ = ["OPEN", "ROLES"]

_V1 = "/synthaug.v1."
_OPERATIONS = "/google.longrunning.Operations/"

# Probes of balancers and clusters carry no token.
OPEN = frozenset(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))

ROLES: dict[str, Role] = {
    f"{_V1}ArtifactService/StartUpload": Role.SUBMITTER,
    f"{_V1}ArtifactService/WriteChunks": Role.SUBMITTER,
    f"{_V1}ArtifactService/GetUploadStatus": Role.SUBMITTER,
    f"{_V1}ArtifactService/GetArtifact": Role.VIEWER,
    f"{_V1}ArtifactService/ListArtifacts": Role.VIEWER,
    f"{_V1}ArtifactService/ReadArtifact": Role.VIEWER,
    f"{_V1}ArtifactService/DeleteArtifact": Role.SUBMITTER,
    f"{_V1}AugmentationService/CreateAugmentJob": Role.SUBMITTER,
    f"{_V1}AugmentationService/SampleImages": Role.SUBMITTER,
    f"{_V1}AugmentationService/BatchSampleImages": Role.SUBMITTER,
    f"{_V1}AugmentationService/StreamSamples": Role.SUBMITTER,
    f"{_V1}AnonymizationService/AnonymizeImage": Role.SUBMITTER,
    f"{_V1}AnonymizationService/AnonymizeFrames": Role.SUBMITTER,
    f"{_V1}AnonymizationService/CreateAnonymizeJob": Role.SUBMITTER,
    f"{_V1}QualityService/EvaluateQuality": Role.SUBMITTER,
    f"{_V1}QualityService/GetReport": Role.VIEWER,
    f"{_V1}ModelService/ListModels": Role.VIEWER,
    f"{_V1}ModelService/GetModel": Role.VIEWER,
    f"{_V1}JobService/WatchJob": Role.VIEWER,
    f"{_OPERATIONS}ListOperations": Role.VIEWER,
    f"{_OPERATIONS}GetOperation": Role.VIEWER,
    f"{_OPERATIONS}WaitOperation": Role.VIEWER,
    f"{_OPERATIONS}CancelOperation": Role.SUBMITTER,
    f"{_OPERATIONS}DeleteOperation": Role.SUBMITTER,
}
_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ROLES[_REFLECTION] = Role.VIEWER
