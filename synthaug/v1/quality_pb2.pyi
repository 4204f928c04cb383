from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from synthaug.v1 import dataset_pb2 as _dataset_pb2
from synthaug.v1 import job_pb2 as _job_pb2
from synthaug.v1 import verdict_pb2 as _verdict_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateQualityRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "real", "synthetic", "train", "real_groups", "train_groups", "alpha", "seed", "keep_inputs")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    REAL_GROUPS_FIELD_NUMBER: _ClassVar[int]
    TRAIN_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    KEEP_INPUTS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    real: _dataset_pb2.Dataset
    synthetic: _dataset_pb2.Dataset
    train: _dataset_pb2.Dataset
    real_groups: _dataset_pb2.Groups
    train_groups: _dataset_pb2.Groups
    alpha: float
    seed: int
    keep_inputs: bool
    def __init__(self, request_id: _Optional[str] = ..., validate_only: bool = ..., real: _Optional[_Union[_dataset_pb2.Dataset, _Mapping]] = ..., synthetic: _Optional[_Union[_dataset_pb2.Dataset, _Mapping]] = ..., train: _Optional[_Union[_dataset_pb2.Dataset, _Mapping]] = ..., real_groups: _Optional[_Union[_dataset_pb2.Groups, _Mapping]] = ..., train_groups: _Optional[_Union[_dataset_pb2.Groups, _Mapping]] = ..., alpha: _Optional[float] = ..., seed: _Optional[int] = ..., keep_inputs: bool = ...) -> None: ...

class EvaluateResult(_message.Message):
    __slots__ = ("report", "failed", "verdicts")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    report: str
    failed: bool
    verdicts: _containers.RepeatedCompositeFieldContainer[_verdict_pb2.Verdict]
    def __init__(self, report: _Optional[str] = ..., failed: bool = ..., verdicts: _Optional[_Iterable[_Union[_verdict_pb2.Verdict, _Mapping]]] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("name", "operation", "kind", "create_time", "expire_time", "etag", "verdicts", "metrics", "space", "notes", "page")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    operation: str
    kind: _job_pb2.JobKind
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    etag: str
    verdicts: _containers.RepeatedCompositeFieldContainer[_verdict_pb2.Verdict]
    metrics: _containers.RepeatedCompositeFieldContainer[ScopeMetrics]
    space: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    page: str
    def __init__(self, name: _Optional[str] = ..., operation: _Optional[str] = ..., kind: _Optional[_Union[_job_pb2.JobKind, str]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., verdicts: _Optional[_Iterable[_Union[_verdict_pb2.Verdict, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[ScopeMetrics, _Mapping]]] = ..., space: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., page: _Optional[str] = ...) -> None: ...

class ScopeMetrics(_message.Message):
    __slots__ = ("scope", "values")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    scope: str
    values: _containers.ScalarMap[str, float]
    def __init__(self, scope: _Optional[str] = ..., values: _Optional[_Mapping[str, float]] = ...) -> None: ...

class GetReportRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetReportResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: Report
    def __init__(self, report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...
