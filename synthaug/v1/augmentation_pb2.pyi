from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from synthaug.v1 import dataset_pb2 as _dataset_pb2
from synthaug.v1 import media_pb2 as _media_pb2
from synthaug.v1 import verdict_pb2 as _verdict_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OnReject(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ON_REJECT_UNSPECIFIED: _ClassVar[OnReject]
    ON_REJECT_REDRAW: _ClassVar[OnReject]
    ON_REJECT_CLASSICAL: _ClassVar[OnReject]
    ON_REJECT_KEEP: _ClassVar[OnReject]
ON_REJECT_UNSPECIFIED: OnReject
ON_REJECT_REDRAW: OnReject
ON_REJECT_CLASSICAL: OnReject
ON_REJECT_KEEP: OnReject

class TargetCounts(_message.Message):
    __slots__ = ("balance", "each", "classes")
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    EACH_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    balance: bool
    each: int
    classes: ClassTargets
    def __init__(self, balance: bool = ..., each: _Optional[int] = ..., classes: _Optional[_Union[ClassTargets, _Mapping]] = ...) -> None: ...

class ClassTargets(_message.Message):
    __slots__ = ("targets",)
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ClassTarget
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ClassTarget, _Mapping]] = ...) -> None: ...
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.MessageMap[str, ClassTarget]
    def __init__(self, targets: _Optional[_Mapping[str, ClassTarget]] = ...) -> None: ...

class ClassTarget(_message.Message):
    __slots__ = ("count", "max")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    count: int
    max: bool
    def __init__(self, count: _Optional[int] = ..., max: bool = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("time", "images")
    TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    time: _duration_pb2.Duration
    images: int
    def __init__(self, time: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., images: _Optional[int] = ...) -> None: ...

class CreateAugmentJobRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "dataset", "target_counts", "groups", "size", "budget", "recipe", "on_reject", "seed", "strict", "subsample", "skip_bad", "keep_inputs")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    TARGET_COUNTS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    ON_REJECT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    SUBSAMPLE_FIELD_NUMBER: _ClassVar[int]
    SKIP_BAD_FIELD_NUMBER: _ClassVar[int]
    KEEP_INPUTS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    dataset: _dataset_pb2.Dataset
    target_counts: TargetCounts
    groups: _dataset_pb2.Groups
    size: int
    budget: Budget
    recipe: str
    on_reject: OnReject
    seed: int
    strict: bool
    subsample: bool
    skip_bad: bool
    keep_inputs: bool
    def __init__(self, request_id: _Optional[str] = ..., validate_only: bool = ..., dataset: _Optional[_Union[_dataset_pb2.Dataset, _Mapping]] = ..., target_counts: _Optional[_Union[TargetCounts, _Mapping]] = ..., groups: _Optional[_Union[_dataset_pb2.Groups, _Mapping]] = ..., size: _Optional[int] = ..., budget: _Optional[_Union[Budget, _Mapping]] = ..., recipe: _Optional[str] = ..., on_reject: _Optional[_Union[OnReject, str]] = ..., seed: _Optional[int] = ..., strict: bool = ..., subsample: bool = ..., skip_bad: bool = ..., keep_inputs: bool = ...) -> None: ...

class AugmentResult(_message.Message):
    __slots__ = ("artifact", "model", "report", "classes", "verdicts", "summary")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    artifact: str
    model: str
    report: str
    classes: _containers.RepeatedCompositeFieldContainer[ClassOutcome]
    verdicts: _containers.RepeatedCompositeFieldContainer[_verdict_pb2.Verdict]
    summary: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artifact: _Optional[str] = ..., model: _Optional[str] = ..., report: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[ClassOutcome, _Mapping]]] = ..., verdicts: _Optional[_Iterable[_Union[_verdict_pb2.Verdict, _Mapping]]] = ..., summary: _Optional[_Iterable[str]] = ...) -> None: ...

class ClassOutcome(_message.Message):
    __slots__ = ("class_name", "real", "gan", "classical")
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    GAN_FIELD_NUMBER: _ClassVar[int]
    CLASSICAL_FIELD_NUMBER: _ClassVar[int]
    class_name: str
    real: int
    gan: int
    classical: int
    def __init__(self, class_name: _Optional[str] = ..., real: _Optional[int] = ..., gan: _Optional[int] = ..., classical: _Optional[int] = ...) -> None: ...

class SampleImagesRequest(_message.Message):
    __slots__ = ("model", "class_name", "count", "seed", "first_index", "truncation_psi", "attributes", "format")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_PSI_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    model: str
    class_name: str
    count: int
    seed: int
    first_index: int
    truncation_psi: float
    attributes: _containers.ScalarMap[str, float]
    format: _media_pb2.ImageFormat
    def __init__(self, model: _Optional[str] = ..., class_name: _Optional[str] = ..., count: _Optional[int] = ..., seed: _Optional[int] = ..., first_index: _Optional[int] = ..., truncation_psi: _Optional[float] = ..., attributes: _Optional[_Mapping[str, float]] = ..., format: _Optional[_Union[_media_pb2.ImageFormat, str]] = ...) -> None: ...

class SampledImage(_message.Message):
    __slots__ = ("image", "class_name", "index", "latent_seed", "generator_sha256", "recipe", "version")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LATENT_SEED_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_SHA256_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    image: _media_pb2.Image
    class_name: str
    index: int
    latent_seed: int
    generator_sha256: bytes
    recipe: str
    version: str
    def __init__(self, image: _Optional[_Union[_media_pb2.Image, _Mapping]] = ..., class_name: _Optional[str] = ..., index: _Optional[int] = ..., latent_seed: _Optional[int] = ..., generator_sha256: _Optional[bytes] = ..., recipe: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class SampleImagesResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[SampledImage]
    def __init__(self, images: _Optional[_Iterable[_Union[SampledImage, _Mapping]]] = ...) -> None: ...

class BatchSampleImagesRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[SampleImagesRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[SampleImagesRequest, _Mapping]]] = ...) -> None: ...

class BatchSampleImagesResponse(_message.Message):
    __slots__ = ("responses",)
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedCompositeFieldContainer[SampleImagesResponse]
    def __init__(self, responses: _Optional[_Iterable[_Union[SampleImagesResponse, _Mapping]]] = ...) -> None: ...

class StreamSamplesRequest(_message.Message):
    __slots__ = ("model", "class_name", "count", "seed", "first_index", "truncation_psi", "attributes", "format")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_PSI_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    model: str
    class_name: str
    count: int
    seed: int
    first_index: int
    truncation_psi: float
    attributes: _containers.ScalarMap[str, float]
    format: _media_pb2.ImageFormat
    def __init__(self, model: _Optional[str] = ..., class_name: _Optional[str] = ..., count: _Optional[int] = ..., seed: _Optional[int] = ..., first_index: _Optional[int] = ..., truncation_psi: _Optional[float] = ..., attributes: _Optional[_Mapping[str, float]] = ..., format: _Optional[_Union[_media_pb2.ImageFormat, str]] = ...) -> None: ...

class StreamSamplesResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: SampledImage
    def __init__(self, image: _Optional[_Union[SampledImage, _Mapping]] = ...) -> None: ...
