from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProxyKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROXY_KIND_UNSPECIFIED: _ClassVar[ProxyKind]
    PROXY_KIND_PUBLIC: _ClassVar[ProxyKind]
    PROXY_KIND_PRIVATE: _ClassVar[ProxyKind]

class LogFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_FORMAT_UNSPECIFIED: _ClassVar[LogFormat]
    LOG_FORMAT_JSON: _ClassVar[LogFormat]
    LOG_FORMAT_CLF: _ClassVar[LogFormat]

class RowFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_FLAG_NONE: _ClassVar[RowFlag]
    ROW_FLAG_UPGRADE: _ClassVar[RowFlag]
    ROW_FLAG_TLS: _ClassVar[RowFlag]
    ROW_FLAG_COARSE_TIME: _ClassVar[RowFlag]

class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_UNSPECIFIED: _ClassVar[Source]
    SOURCE_CONFIGURATION: _ClassVar[Source]
    SOURCE_TRAEFIK_API: _ClassVar[Source]
    SOURCE_DOCKER: _ClassVar[Source]
PROXY_KIND_UNSPECIFIED: ProxyKind
PROXY_KIND_PUBLIC: ProxyKind
PROXY_KIND_PRIVATE: ProxyKind
LOG_FORMAT_UNSPECIFIED: LogFormat
LOG_FORMAT_JSON: LogFormat
LOG_FORMAT_CLF: LogFormat
ROW_FLAG_NONE: RowFlag
ROW_FLAG_UPGRADE: RowFlag
ROW_FLAG_TLS: RowFlag
ROW_FLAG_COARSE_TIME: RowFlag
SOURCE_UNSPECIFIED: Source
SOURCE_CONFIGURATION: Source
SOURCE_TRAEFIK_API: Source
SOURCE_DOCKER: Source

class Redemption(_message.Message):
    __slots__ = ("secret",)
    SECRET_FIELD_NUMBER: _ClassVar[int]
    secret: bytes
    def __init__(self, secret: _Optional[bytes] = ...) -> None: ...

class Enrolled(_message.Message):
    __slots__ = ("server", "token", "ca")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CA_FIELD_NUMBER: _ClassVar[int]
    server: str
    token: str
    ca: bytes
    def __init__(self, server: _Optional[str] = ..., token: _Optional[str] = ..., ca: _Optional[bytes] = ...) -> None: ...

class AgentMessage(_message.Message):
    __slots__ = ("hello", "inventory", "batch", "watermark", "clock_probe", "log_sighting", "connections")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_FIELD_NUMBER: _ClassVar[int]
    CLOCK_PROBE_FIELD_NUMBER: _ClassVar[int]
    LOG_SIGHTING_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    inventory: Inventory
    batch: Batch
    watermark: Watermark
    clock_probe: ClockProbe
    log_sighting: LogSighting
    connections: Connections
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., inventory: _Optional[_Union[Inventory, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., watermark: _Optional[_Union[Watermark, _Mapping]] = ..., clock_probe: _Optional[_Union[ClockProbe, _Mapping]] = ..., log_sighting: _Optional[_Union[LogSighting, _Mapping]] = ..., connections: _Optional[_Union[Connections, _Mapping]] = ...) -> None: ...

class HubMessage(_message.Message):
    __slots__ = ("welcome", "ack", "resume", "settings", "clock_reply", "refusal")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_REPLY_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: Ack
    resume: Resume
    settings: Settings
    clock_reply: ClockReply
    refusal: Refusal
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ..., clock_reply: _Optional[_Union[ClockReply, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "agent_version", "server", "instance", "internal_addresses", "public_addresses", "proxies", "logs", "backfill", "recorded", "redaction")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PROXIES_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REDACTION_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    agent_version: str
    server: str
    instance: bytes
    internal_addresses: _containers.RepeatedScalarFieldContainer[str]
    public_addresses: _containers.RepeatedScalarFieldContainer[str]
    proxies: _containers.RepeatedCompositeFieldContainer[Proxy]
    logs: _containers.RepeatedCompositeFieldContainer[LogSighting]
    backfill: bool
    recorded: bool
    redaction: str
    def __init__(self, protocol: _Optional[int] = ..., agent_version: _Optional[str] = ..., server: _Optional[str] = ..., instance: _Optional[bytes] = ..., internal_addresses: _Optional[_Iterable[str]] = ..., public_addresses: _Optional[_Iterable[str]] = ..., proxies: _Optional[_Iterable[_Union[Proxy, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[LogSighting, _Mapping]]] = ..., backfill: _Optional[bool] = ..., recorded: _Optional[bool] = ..., redaction: _Optional[str] = ...) -> None: ...

class Proxy(_message.Message):
    __slots__ = ("name", "kind", "addresses", "networks", "trusted_proxies")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    TRUSTED_PROXIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ProxyKind
    addresses: _containers.RepeatedScalarFieldContainer[str]
    networks: _containers.RepeatedScalarFieldContainer[str]
    trusted_proxies: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ProxyKind, str]] = ..., addresses: _Optional[_Iterable[str]] = ..., networks: _Optional[_Iterable[str]] = ..., trusted_proxies: _Optional[_Iterable[str]] = ...) -> None: ...

class LogSighting(_message.Message):
    __slots__ = ("number", "proxy", "fingerprint", "path", "size", "format")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    number: int
    proxy: str
    fingerprint: bytes
    path: str
    size: int
    format: LogFormat
    def __init__(self, number: _Optional[int] = ..., proxy: _Optional[str] = ..., fingerprint: _Optional[bytes] = ..., path: _Optional[str] = ..., size: _Optional[int] = ..., format: _Optional[_Union[LogFormat, str]] = ...) -> None: ...

class Settings(_message.Message):
    __slots__ = ("coalesce_ms", "max_batch_rows", "max_unacknowledged_bytes", "watermark_interval_ms", "peer_addresses")
    COALESCE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_UNACKNOWLEDGED_BYTES_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    PEER_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    coalesce_ms: int
    max_batch_rows: int
    max_unacknowledged_bytes: int
    watermark_interval_ms: int
    peer_addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, coalesce_ms: _Optional[int] = ..., max_batch_rows: _Optional[int] = ..., max_unacknowledged_bytes: _Optional[int] = ..., watermark_interval_ms: _Optional[int] = ..., peer_addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "hub_version", "resumes", "settings", "seen_address")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    HUB_VERSION_FIELD_NUMBER: _ClassVar[int]
    RESUMES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SEEN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    hub_version: str
    resumes: _containers.RepeatedCompositeFieldContainer[Resume]
    settings: Settings
    seen_address: str
    def __init__(self, protocol: _Optional[int] = ..., hub_version: _Optional[str] = ..., resumes: _Optional[_Iterable[_Union[Resume, _Mapping]]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ..., seen_address: _Optional[str] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("number", "offset", "lines", "malformed")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    number: int
    offset: int
    lines: int
    malformed: int
    def __init__(self, number: _Optional[int] = ..., offset: _Optional[int] = ..., lines: _Optional[int] = ..., malformed: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("logs",)
    LOGS_FIELD_NUMBER: _ClassVar[int]
    logs: _containers.RepeatedCompositeFieldContainer[Resume]
    def __init__(self, logs: _Optional[_Iterable[_Union[Resume, _Mapping]]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "reason", "expected", "seen_address")
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CODE_UNSPECIFIED: _ClassVar[Refusal.Code]
        CODE_INVALID: _ClassVar[Refusal.Code]
        CODE_DENIED: _ClassVar[Refusal.Code]
        CODE_OCCUPIED: _ClassVar[Refusal.Code]
        CODE_OFFSET: _ClassVar[Refusal.Code]
        CODE_UNAVAILABLE: _ClassVar[Refusal.Code]
    CODE_UNSPECIFIED: Refusal.Code
    CODE_INVALID: Refusal.Code
    CODE_DENIED: Refusal.Code
    CODE_OCCUPIED: Refusal.Code
    CODE_OFFSET: Refusal.Code
    CODE_UNAVAILABLE: Refusal.Code
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    SEEN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    code: Refusal.Code
    reason: str
    expected: Resume
    seen_address: str
    def __init__(self, code: _Optional[_Union[Refusal.Code, str]] = ..., reason: _Optional[str] = ..., expected: _Optional[_Union[Resume, _Mapping]] = ..., seen_address: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("log", "first_offset", "end_offset", "malformed", "malformed_samples", "watermark_ns", "columns", "columns_zstd", "rows")
    LOG_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_NS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_ZSTD_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    log: int
    first_offset: int
    end_offset: int
    malformed: int
    malformed_samples: _containers.RepeatedCompositeFieldContainer[MalformedLine]
    watermark_ns: int
    columns: bytes
    columns_zstd: bytes
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    def __init__(self, log: _Optional[int] = ..., first_offset: _Optional[int] = ..., end_offset: _Optional[int] = ..., malformed: _Optional[int] = ..., malformed_samples: _Optional[_Iterable[_Union[MalformedLine, _Mapping]]] = ..., watermark_ns: _Optional[int] = ..., columns: _Optional[bytes] = ..., columns_zstd: _Optional[bytes] = ..., rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ...) -> None: ...

class MalformedLine(_message.Message):
    __slots__ = ("offset", "text", "reason")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    offset: int
    text: str
    reason: str
    def __init__(self, offset: _Optional[int] = ..., text: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Dictionary(_message.Message):
    __slots__ = ("values", "codes")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    codes: bytes
    def __init__(self, values: _Optional[_Iterable[str]] = ..., codes: _Optional[bytes] = ...) -> None: ...

class Columns(_message.Message):
    __slots__ = ("rows", "offset", "start_ns", "duration_ns", "upstream_ns", "overhead_ns", "status", "upstream_status", "bytes_in", "bytes_out", "request_count", "client_port", "retries", "grpc_status", "flags", "trace_id", "hop_id", "hop_parent", "client", "forwarded", "method", "host", "path", "protocol", "scheme", "entry_point", "router", "service", "upstream", "user_agent")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_NS_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_NS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_STATUS_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    GRPC_STATUS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    HOP_ID_FIELD_NUMBER: _ClassVar[int]
    HOP_PARENT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POINT_FIELD_NUMBER: _ClassVar[int]
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    rows: int
    offset: bytes
    start_ns: bytes
    duration_ns: bytes
    upstream_ns: bytes
    overhead_ns: bytes
    status: bytes
    upstream_status: bytes
    bytes_in: bytes
    bytes_out: bytes
    request_count: bytes
    client_port: bytes
    retries: bytes
    grpc_status: bytes
    flags: bytes
    trace_id: bytes
    hop_id: bytes
    hop_parent: bytes
    client: Dictionary
    forwarded: Dictionary
    method: Dictionary
    host: Dictionary
    path: Dictionary
    protocol: Dictionary
    scheme: Dictionary
    entry_point: Dictionary
    router: Dictionary
    service: Dictionary
    upstream: Dictionary
    user_agent: Dictionary
    def __init__(self, rows: _Optional[int] = ..., offset: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., duration_ns: _Optional[bytes] = ..., upstream_ns: _Optional[bytes] = ..., overhead_ns: _Optional[bytes] = ..., status: _Optional[bytes] = ..., upstream_status: _Optional[bytes] = ..., bytes_in: _Optional[bytes] = ..., bytes_out: _Optional[bytes] = ..., request_count: _Optional[bytes] = ..., client_port: _Optional[bytes] = ..., retries: _Optional[bytes] = ..., grpc_status: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., trace_id: _Optional[bytes] = ..., hop_id: _Optional[bytes] = ..., hop_parent: _Optional[bytes] = ..., client: _Optional[_Union[Dictionary, _Mapping]] = ..., forwarded: _Optional[_Union[Dictionary, _Mapping]] = ..., method: _Optional[_Union[Dictionary, _Mapping]] = ..., host: _Optional[_Union[Dictionary, _Mapping]] = ..., path: _Optional[_Union[Dictionary, _Mapping]] = ..., protocol: _Optional[_Union[Dictionary, _Mapping]] = ..., scheme: _Optional[_Union[Dictionary, _Mapping]] = ..., entry_point: _Optional[_Union[Dictionary, _Mapping]] = ..., router: _Optional[_Union[Dictionary, _Mapping]] = ..., service: _Optional[_Union[Dictionary, _Mapping]] = ..., upstream: _Optional[_Union[Dictionary, _Mapping]] = ..., user_agent: _Optional[_Union[Dictionary, _Mapping]] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("offset", "start_ns", "duration_ns", "upstream_ns", "overhead_ns", "status", "upstream_status", "bytes_in", "bytes_out", "request_count", "client_port", "retries", "grpc_status", "flags", "trace_id", "hop_id", "hop_parent", "client", "forwarded", "method", "host", "path", "protocol", "scheme", "entry_point", "router", "service", "upstream", "user_agent")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_NS_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_NS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_STATUS_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    GRPC_STATUS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    HOP_ID_FIELD_NUMBER: _ClassVar[int]
    HOP_PARENT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POINT_FIELD_NUMBER: _ClassVar[int]
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    offset: int
    start_ns: int
    duration_ns: int
    upstream_ns: int
    overhead_ns: int
    status: int
    upstream_status: int
    bytes_in: int
    bytes_out: int
    request_count: int
    client_port: int
    retries: int
    grpc_status: int
    flags: int
    trace_id: bytes
    hop_id: bytes
    hop_parent: bytes
    client: str
    forwarded: str
    method: str
    host: str
    path: str
    protocol: str
    scheme: str
    entry_point: str
    router: str
    service: str
    upstream: str
    user_agent: str
    def __init__(self, offset: _Optional[int] = ..., start_ns: _Optional[int] = ..., duration_ns: _Optional[int] = ..., upstream_ns: _Optional[int] = ..., overhead_ns: _Optional[int] = ..., status: _Optional[int] = ..., upstream_status: _Optional[int] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., request_count: _Optional[int] = ..., client_port: _Optional[int] = ..., retries: _Optional[int] = ..., grpc_status: _Optional[int] = ..., flags: _Optional[int] = ..., trace_id: _Optional[bytes] = ..., hop_id: _Optional[bytes] = ..., hop_parent: _Optional[bytes] = ..., client: _Optional[str] = ..., forwarded: _Optional[str] = ..., method: _Optional[str] = ..., host: _Optional[str] = ..., path: _Optional[str] = ..., protocol: _Optional[str] = ..., scheme: _Optional[str] = ..., entry_point: _Optional[str] = ..., router: _Optional[str] = ..., service: _Optional[str] = ..., upstream: _Optional[str] = ..., user_agent: _Optional[str] = ...) -> None: ...

class Watermark(_message.Message):
    __slots__ = ("log", "watermark_ns", "complete", "read", "malformed", "sent", "behind_bytes")
    LOG_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_NS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    BEHIND_BYTES_FIELD_NUMBER: _ClassVar[int]
    log: int
    watermark_ns: int
    complete: bool
    read: int
    malformed: int
    sent: int
    behind_bytes: int
    def __init__(self, log: _Optional[int] = ..., watermark_ns: _Optional[int] = ..., complete: _Optional[bool] = ..., read: _Optional[int] = ..., malformed: _Optional[int] = ..., sent: _Optional[int] = ..., behind_bytes: _Optional[int] = ...) -> None: ...

class ClockProbe(_message.Message):
    __slots__ = ("number", "previous_sent_ns", "previous_received_ns", "previous_hub_ns")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_SENT_NS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HUB_NS_FIELD_NUMBER: _ClassVar[int]
    number: int
    previous_sent_ns: int
    previous_received_ns: int
    previous_hub_ns: int
    def __init__(self, number: _Optional[int] = ..., previous_sent_ns: _Optional[int] = ..., previous_received_ns: _Optional[int] = ..., previous_hub_ns: _Optional[int] = ...) -> None: ...

class ClockReply(_message.Message):
    __slots__ = ("number", "hub_ns")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HUB_NS_FIELD_NUMBER: _ClassVar[int]
    number: int
    hub_ns: int
    def __init__(self, number: _Optional[int] = ..., hub_ns: _Optional[int] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("version", "as_of_ns", "networks", "endpoints", "routers", "services", "entry_points")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    ROUTERS_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POINTS_FIELD_NUMBER: _ClassVar[int]
    version: int
    as_of_ns: int
    networks: _containers.RepeatedCompositeFieldContainer[Network]
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    routers: _containers.RepeatedCompositeFieldContainer[Router]
    services: _containers.RepeatedCompositeFieldContainer[UpstreamService]
    entry_points: _containers.RepeatedCompositeFieldContainer[EntryPoint]
    def __init__(self, version: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., networks: _Optional[_Iterable[_Union[Network, _Mapping]]] = ..., endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ..., routers: _Optional[_Iterable[_Union[Router, _Mapping]]] = ..., services: _Optional[_Iterable[_Union[UpstreamService, _Mapping]]] = ..., entry_points: _Optional[_Iterable[_Union[EntryPoint, _Mapping]]] = ...) -> None: ...

class Network(_message.Message):
    __slots__ = ("name", "subnets", "gateways", "shared", "ignored")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBNETS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    name: str
    subnets: _containers.RepeatedScalarFieldContainer[str]
    gateways: _containers.RepeatedScalarFieldContainer[str]
    shared: bool
    ignored: bool
    def __init__(self, name: _Optional[str] = ..., subnets: _Optional[_Iterable[str]] = ..., gateways: _Optional[_Iterable[str]] = ..., shared: _Optional[bool] = ..., ignored: _Optional[bool] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("network", "address", "service", "container", "image", "aliases", "valid_from_ns", "valid_to_ns", "source")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_TO_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    network: str
    address: str
    service: str
    container: str
    image: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    valid_from_ns: int
    valid_to_ns: int
    source: Source
    def __init__(self, network: _Optional[str] = ..., address: _Optional[str] = ..., service: _Optional[str] = ..., container: _Optional[str] = ..., image: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., valid_from_ns: _Optional[int] = ..., valid_to_ns: _Optional[int] = ..., source: _Optional[_Union[Source, str]] = ...) -> None: ...

class Router(_message.Message):
    __slots__ = ("proxy", "name", "rule", "service", "entry_points")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POINTS_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    name: str
    rule: str
    service: str
    entry_points: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, proxy: _Optional[str] = ..., name: _Optional[str] = ..., rule: _Optional[str] = ..., service: _Optional[str] = ..., entry_points: _Optional[_Iterable[str]] = ...) -> None: ...

class UpstreamService(_message.Message):
    __slots__ = ("proxy", "name", "urls")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    URLS_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    name: str
    urls: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, proxy: _Optional[str] = ..., name: _Optional[str] = ..., urls: _Optional[_Iterable[str]] = ...) -> None: ...

class EntryPoint(_message.Message):
    __slots__ = ("proxy", "name", "address")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    name: str
    address: str
    def __init__(self, proxy: _Optional[str] = ..., name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class Connections(_message.Message):
    __slots__ = ("afresh", "as_of_ns", "connections")
    AFRESH_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    afresh: bool
    as_of_ns: int
    connections: _containers.RepeatedCompositeFieldContainer[Connection]
    def __init__(self, afresh: _Optional[bool] = ..., as_of_ns: _Optional[int] = ..., connections: _Optional[_Iterable[_Union[Connection, _Mapping]]] = ...) -> None: ...

class Connection(_message.Message):
    __slots__ = ("source", "translated", "translated_port", "destination", "destination_port", "from_ns", "to_ns")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRANSLATED_FIELD_NUMBER: _ClassVar[int]
    TRANSLATED_PORT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORT_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    TO_NS_FIELD_NUMBER: _ClassVar[int]
    source: str
    translated: str
    translated_port: int
    destination: str
    destination_port: int
    from_ns: int
    to_ns: int
    def __init__(self, source: _Optional[str] = ..., translated: _Optional[str] = ..., translated_port: _Optional[int] = ..., destination: _Optional[str] = ..., destination_port: _Optional[int] = ..., from_ns: _Optional[int] = ..., to_ns: _Optional[int] = ...) -> None: ...
