from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from synthaug.v1 import media_pb2 as _media_pb2
from synthaug.v1 import verdict_pb2 as _verdict_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReplacementRung(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLACEMENT_RUNG_UNSPECIFIED: _ClassVar[ReplacementRung]
    REPLACEMENT_RUNG_GENERATED: _ClassVar[ReplacementRung]
    REPLACEMENT_RUNG_AVERAGE: _ClassVar[ReplacementRung]
    REPLACEMENT_RUNG_COVER: _ClassVar[ReplacementRung]
REPLACEMENT_RUNG_UNSPECIFIED: ReplacementRung
REPLACEMENT_RUNG_GENERATED: ReplacementRung
REPLACEMENT_RUNG_AVERAGE: ReplacementRung
REPLACEMENT_RUNG_COVER: ReplacementRung

class Zone(_message.Message):
    __slots__ = ("left", "top", "width", "height")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    left: float
    top: float
    width: float
    height: float
    def __init__(self, left: _Optional[float] = ..., top: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class TimeSpan(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: _duration_pb2.Duration
    end: _duration_pb2.Duration
    def __init__(self, start: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., end: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class FrameReceipt(_message.Message):
    __slots__ = ("sequence", "replaced", "doubtful", "sha256", "queue_time", "compute_time")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    DOUBTFUL_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_TIME_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    replaced: _containers.RepeatedCompositeFieldContainer[RungCount]
    doubtful: int
    sha256: bytes
    queue_time: _duration_pb2.Duration
    compute_time: _duration_pb2.Duration
    def __init__(self, sequence: _Optional[int] = ..., replaced: _Optional[_Iterable[_Union[RungCount, _Mapping]]] = ..., doubtful: _Optional[int] = ..., sha256: _Optional[bytes] = ..., queue_time: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., compute_time: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RungCount(_message.Message):
    __slots__ = ("rung", "faces")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    rung: ReplacementRung
    faces: int
    def __init__(self, rung: _Optional[_Union[ReplacementRung, str]] = ..., faces: _Optional[int] = ...) -> None: ...

class AnonymizeSettings(_message.Message):
    __slots__ = ("rung", "zones", "smallest", "seed", "format")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    ZONES_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    rung: ReplacementRung
    zones: _containers.RepeatedCompositeFieldContainer[Zone]
    smallest: int
    seed: int
    format: _media_pb2.ImageFormat
    def __init__(self, rung: _Optional[_Union[ReplacementRung, str]] = ..., zones: _Optional[_Iterable[_Union[Zone, _Mapping]]] = ..., smallest: _Optional[int] = ..., seed: _Optional[int] = ..., format: _Optional[_Union[_media_pb2.ImageFormat, str]] = ...) -> None: ...

class AnonymizeImageRequest(_message.Message):
    __slots__ = ("image", "settings")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    image: _media_pb2.Image
    settings: AnonymizeSettings
    def __init__(self, image: _Optional[_Union[_media_pb2.Image, _Mapping]] = ..., settings: _Optional[_Union[AnonymizeSettings, _Mapping]] = ...) -> None: ...

class AnonymizeImageResponse(_message.Message):
    __slots__ = ("image", "receipt")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    image: _media_pb2.Image
    receipt: FrameReceipt
    def __init__(self, image: _Optional[_Union[_media_pb2.Image, _Mapping]] = ..., receipt: _Optional[_Union[FrameReceipt, _Mapping]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("sequence", "time", "image")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time: _duration_pb2.Duration
    image: _media_pb2.Image
    def __init__(self, sequence: _Optional[int] = ..., time: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., image: _Optional[_Union[_media_pb2.Image, _Mapping]] = ...) -> None: ...

class AnonymizeFramesRequest(_message.Message):
    __slots__ = ("settings", "frame")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    settings: AnonymizeSettings
    frame: Frame
    def __init__(self, settings: _Optional[_Union[AnonymizeSettings, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ...) -> None: ...

class AnonymizeFramesResponse(_message.Message):
    __slots__ = ("frame", "receipt")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    receipt: FrameReceipt
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., receipt: _Optional[_Union[FrameReceipt, _Mapping]] = ...) -> None: ...

class CreateAnonymizeJobRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "media", "plan", "keep", "only", "zones", "between", "smallest", "consistent", "mute", "rung", "seed", "skip_audit", "strict", "keep_inputs", "plan_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIELD_NUMBER: _ClassVar[int]
    ZONES_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_FIELD_NUMBER: _ClassVar[int]
    CONSISTENT_FIELD_NUMBER: _ClassVar[int]
    MUTE_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SKIP_AUDIT_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    KEEP_INPUTS_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    media: str
    plan: str
    keep: _containers.RepeatedScalarFieldContainer[str]
    only: _containers.RepeatedScalarFieldContainer[str]
    zones: _containers.RepeatedCompositeFieldContainer[Zone]
    between: _containers.RepeatedCompositeFieldContainer[TimeSpan]
    smallest: int
    consistent: bool
    mute: bool
    rung: ReplacementRung
    seed: int
    skip_audit: bool
    strict: bool
    keep_inputs: bool
    plan_only: bool
    def __init__(self, request_id: _Optional[str] = ..., validate_only: bool = ..., media: _Optional[str] = ..., plan: _Optional[str] = ..., keep: _Optional[_Iterable[str]] = ..., only: _Optional[_Iterable[str]] = ..., zones: _Optional[_Iterable[_Union[Zone, _Mapping]]] = ..., between: _Optional[_Iterable[_Union[TimeSpan, _Mapping]]] = ..., smallest: _Optional[int] = ..., consistent: bool = ..., mute: bool = ..., rung: _Optional[_Union[ReplacementRung, str]] = ..., seed: _Optional[int] = ..., skip_audit: bool = ..., strict: bool = ..., keep_inputs: bool = ..., plan_only: bool = ...) -> None: ...

class AnonymizeResult(_message.Message):
    __slots__ = ("media", "plan", "report", "frames", "tracks", "replaced", "verdicts", "doubtful_frames", "removed_metadata", "each_track", "damaged", "audit")
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    DOUBTFUL_FRAMES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_METADATA_FIELD_NUMBER: _ClassVar[int]
    EACH_TRACK_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    media: str
    plan: str
    report: str
    frames: int
    tracks: int
    replaced: _containers.RepeatedCompositeFieldContainer[RungCount]
    verdicts: _containers.RepeatedCompositeFieldContainer[_verdict_pb2.Verdict]
    doubtful_frames: _containers.RepeatedScalarFieldContainer[int]
    removed_metadata: _containers.RepeatedScalarFieldContainer[str]
    each_track: _containers.RepeatedCompositeFieldContainer[TrackReceipt]
    damaged: bool
    audit: str
    def __init__(self, media: _Optional[str] = ..., plan: _Optional[str] = ..., report: _Optional[str] = ..., frames: _Optional[int] = ..., tracks: _Optional[int] = ..., replaced: _Optional[_Iterable[_Union[RungCount, _Mapping]]] = ..., verdicts: _Optional[_Iterable[_Union[_verdict_pb2.Verdict, _Mapping]]] = ..., doubtful_frames: _Optional[_Iterable[int]] = ..., removed_metadata: _Optional[_Iterable[str]] = ..., each_track: _Optional[_Iterable[_Union[TrackReceipt, _Mapping]]] = ..., damaged: bool = ..., audit: _Optional[str] = ...) -> None: ...

class TrackReceipt(_message.Message):
    __slots__ = ("track", "replaced")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    track: int
    replaced: _containers.RepeatedCompositeFieldContainer[RungFrames]
    def __init__(self, track: _Optional[int] = ..., replaced: _Optional[_Iterable[_Union[RungFrames, _Mapping]]] = ...) -> None: ...

class RungFrames(_message.Message):
    __slots__ = ("rung", "frames")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    rung: ReplacementRung
    frames: int
    def __init__(self, rung: _Optional[_Union[ReplacementRung, str]] = ..., frames: _Optional[int] = ...) -> None: ...
