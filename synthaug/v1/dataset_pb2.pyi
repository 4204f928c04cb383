from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DatasetLayout(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATASET_LAYOUT_UNSPECIFIED: _ClassVar[DatasetLayout]
    DATASET_LAYOUT_CLASS_FOLDERS: _ClassVar[DatasetLayout]
    DATASET_LAYOUT_WEBDATASET: _ClassVar[DatasetLayout]
DATASET_LAYOUT_UNSPECIFIED: DatasetLayout
DATASET_LAYOUT_CLASS_FOLDERS: DatasetLayout
DATASET_LAYOUT_WEBDATASET: DatasetLayout

class Dataset(_message.Message):
    __slots__ = ("artifacts", "layout")
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedScalarFieldContainer[str]
    layout: DatasetLayout
    def __init__(self, artifacts: _Optional[_Iterable[str]] = ..., layout: _Optional[_Union[DatasetLayout, str]] = ...) -> None: ...

class Groups(_message.Message):
    __slots__ = ("pattern", "table")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    table: str
    def __init__(self, pattern: _Optional[str] = ..., table: _Optional[str] = ...) -> None: ...
