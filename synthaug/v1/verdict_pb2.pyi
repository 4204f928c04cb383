from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VerdictStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_STATUS_UNSPECIFIED: _ClassVar[VerdictStatus]
    VERDICT_STATUS_PASS: _ClassVar[VerdictStatus]
    VERDICT_STATUS_FAIL: _ClassVar[VerdictStatus]
    VERDICT_STATUS_INCONCLUSIVE: _ClassVar[VerdictStatus]
VERDICT_STATUS_UNSPECIFIED: VerdictStatus
VERDICT_STATUS_PASS: VerdictStatus
VERDICT_STATUS_FAIL: VerdictStatus
VERDICT_STATUS_INCONCLUSIVE: VerdictStatus

class Verdict(_message.Message):
    __slots__ = ("gate", "scope", "status", "statistic", "threshold", "p_value", "interval", "n_real", "n_generated", "null", "detectable", "action", "why")
    GATE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    N_REAL_FIELD_NUMBER: _ClassVar[int]
    N_GENERATED_FIELD_NUMBER: _ClassVar[int]
    NULL_FIELD_NUMBER: _ClassVar[int]
    DETECTABLE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    gate: str
    scope: str
    status: VerdictStatus
    statistic: float
    threshold: float
    p_value: float
    interval: Interval
    n_real: int
    n_generated: int
    null: str
    detectable: float
    action: str
    why: str
    def __init__(self, gate: _Optional[str] = ..., scope: _Optional[str] = ..., status: _Optional[_Union[VerdictStatus, str]] = ..., statistic: _Optional[float] = ..., threshold: _Optional[float] = ..., p_value: _Optional[float] = ..., interval: _Optional[_Union[Interval, _Mapping]] = ..., n_real: _Optional[int] = ..., n_generated: _Optional[int] = ..., null: _Optional[str] = ..., detectable: _Optional[float] = ..., action: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...
