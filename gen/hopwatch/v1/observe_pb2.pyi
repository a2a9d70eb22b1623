from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetCallsRequest(_message.Message):
    __slots__ = ("since_ns", "until_ns", "server", "service", "to", "origin", "status", "method", "path", "join", "trace_id", "node", "edge", "q", "limit", "follow", "cursor")
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    since_ns: int
    until_ns: int
    server: str
    service: str
    to: str
    origin: str
    status: str
    method: str
    path: str
    join: str
    trace_id: str
    node: str
    edge: str
    q: str
    limit: int
    follow: bool
    cursor: str
    def __init__(self, since_ns: _Optional[int] = ..., until_ns: _Optional[int] = ..., server: _Optional[str] = ..., service: _Optional[str] = ..., to: _Optional[str] = ..., origin: _Optional[str] = ..., status: _Optional[str] = ..., method: _Optional[str] = ..., path: _Optional[str] = ..., join: _Optional[str] = ..., trace_id: _Optional[str] = ..., node: _Optional[str] = ..., edge: _Optional[str] = ..., q: _Optional[str] = ..., limit: _Optional[int] = ..., follow: _Optional[bool] = ..., cursor: _Optional[str] = ..., **kwargs) -> None: ...

class GetCallsResponse(_message.Message):
    __slots__ = ("call", "losses")
    CALL_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    call: Call
    losses: Losses
    def __init__(self, call: _Optional[_Union[Call, _Mapping]] = ..., losses: _Optional[_Union[Losses, _Mapping]] = ...) -> None: ...

class ExportCallsRequest(_message.Message):
    __slots__ = ("calls", "format")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    calls: GetCallsRequest
    format: str
    def __init__(self, calls: _Optional[_Union[GetCallsRequest, _Mapping]] = ..., format: _Optional[str] = ...) -> None: ...

class ExportCallsResponse(_message.Message):
    __slots__ = ("lines", "calls")
    LINES_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    lines: bytes
    calls: int
    def __init__(self, lines: _Optional[bytes] = ..., calls: _Optional[int] = ...) -> None: ...

class Losses(_message.Message):
    __slots__ = ("calls", "servers")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    calls: int
    servers: _containers.RepeatedCompositeFieldContainer[ServerLoss]
    def __init__(self, calls: _Optional[int] = ..., servers: _Optional[_Iterable[_Union[ServerLoss, _Mapping]]] = ...) -> None: ...

class ServerLoss(_message.Message):
    __slots__ = ("server", "missing", "malformed")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    server: str
    missing: int
    malformed: int
    def __init__(self, server: _Optional[str] = ..., missing: _Optional[int] = ..., malformed: _Optional[int] = ...) -> None: ...

class Party(_message.Message):
    __slots__ = ("node", "kind", "server", "name", "address")
    NODE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    node: str
    kind: str
    server: str
    name: str
    address: str
    def __init__(self, node: _Optional[str] = ..., kind: _Optional[str] = ..., server: _Optional[str] = ..., name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class Hop(_message.Message):
    __slots__ = ("server", "proxy", "kind", "log", "offset", "start_ns", "duration_ns", "upstream_ns", "overhead_ns", "status", "upstream_status", "client", "router", "service", "upstream", "path", "bytes_in", "bytes_out", "trace_id", "why", "forwarded", "spoofed", "entry_point", "protocol", "user_agent", "request_count", "retries")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_NS_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_NS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_STATUS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FIELD_NUMBER: _ClassVar[int]
    SPOOFED_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POINT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    server: str
    proxy: str
    kind: str
    log: str
    offset: int
    start_ns: int
    duration_ns: int
    upstream_ns: int
    overhead_ns: int
    status: int
    upstream_status: int
    client: str
    router: str
    service: str
    upstream: str
    path: str
    bytes_in: int
    bytes_out: int
    trace_id: str
    why: str
    forwarded: str
    spoofed: _containers.RepeatedScalarFieldContainer[str]
    entry_point: str
    protocol: str
    user_agent: str
    request_count: int
    retries: int
    def __init__(self, server: _Optional[str] = ..., proxy: _Optional[str] = ..., kind: _Optional[str] = ..., log: _Optional[str] = ..., offset: _Optional[int] = ..., start_ns: _Optional[int] = ..., duration_ns: _Optional[int] = ..., upstream_ns: _Optional[int] = ..., overhead_ns: _Optional[int] = ..., status: _Optional[int] = ..., upstream_status: _Optional[int] = ..., client: _Optional[str] = ..., router: _Optional[str] = ..., service: _Optional[str] = ..., upstream: _Optional[str] = ..., path: _Optional[str] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., trace_id: _Optional[str] = ..., why: _Optional[str] = ..., forwarded: _Optional[str] = ..., spoofed: _Optional[_Iterable[str]] = ..., entry_point: _Optional[str] = ..., protocol: _Optional[str] = ..., user_agent: _Optional[str] = ..., request_count: _Optional[int] = ..., retries: _Optional[int] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("by", "confidence", "missing", "reason")
    BY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    by: str
    confidence: float
    missing: str
    reason: str
    def __init__(self, by: _Optional[str] = ..., confidence: _Optional[float] = ..., missing: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("id", "start_ns", "duration_ns", "method", "host", "path", "status", "ok", "to", "origin", "answered_by", "join", "parent", "revision", "grpc_status", "hops")
    ID_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    GRPC_STATUS_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    id: str
    start_ns: int
    duration_ns: int
    method: str
    host: str
    path: str
    status: int
    ok: bool
    to: Party
    origin: str
    answered_by: str
    join: Join
    parent: str
    revision: int
    grpc_status: int
    hops: _containers.RepeatedCompositeFieldContainer[Hop]
    def __init__(self, id: _Optional[str] = ..., start_ns: _Optional[int] = ..., duration_ns: _Optional[int] = ..., method: _Optional[str] = ..., host: _Optional[str] = ..., path: _Optional[str] = ..., status: _Optional[int] = ..., ok: _Optional[bool] = ..., to: _Optional[_Union[Party, _Mapping]] = ..., origin: _Optional[str] = ..., answered_by: _Optional[str] = ..., join: _Optional[_Union[Join, _Mapping]] = ..., parent: _Optional[str] = ..., revision: _Optional[int] = ..., grpc_status: _Optional[int] = ..., hops: _Optional[_Iterable[_Union[Hop, _Mapping]]] = ..., **kwargs) -> None: ...

class GetTopologyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTopologyResponse(_message.Message):
    __slots__ = ("version", "servers", "nodes", "edges")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    version: int
    servers: _containers.RepeatedCompositeFieldContainer[Server]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    def __init__(self, version: _Optional[int] = ..., servers: _Optional[_Iterable[_Union[Server, _Mapping]]] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ...) -> None: ...

class Server(_message.Message):
    __slots__ = ("id", "connected", "internal_addresses", "public_addresses", "networks")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    id: str
    connected: bool
    internal_addresses: _containers.RepeatedScalarFieldContainer[str]
    public_addresses: _containers.RepeatedScalarFieldContainer[str]
    networks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., connected: _Optional[bool] = ..., internal_addresses: _Optional[_Iterable[str]] = ..., public_addresses: _Optional[_Iterable[str]] = ..., networks: _Optional[_Iterable[str]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("id", "kind", "server", "name", "addresses", "containers")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    CONTAINERS_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    server: str
    name: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    containers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., server: _Optional[str] = ..., name: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., containers: _Optional[_Iterable[str]] = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("id", "to", "origin", "via")
    ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    id: str
    to: str
    origin: str
    via: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., to: _Optional[str] = ..., origin: _Optional[str] = ..., via: _Optional[_Iterable[str]] = ..., **kwargs) -> None: ...

class GetEdgesRequest(_message.Message):
    __slots__ = ("window_s", "since_ns", "until_ns")
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    window_s: int
    since_ns: int
    until_ns: int
    def __init__(self, window_s: _Optional[int] = ..., since_ns: _Optional[int] = ..., until_ns: _Optional[int] = ...) -> None: ...

class GetEdgesResponse(_message.Message):
    __slots__ = ("since_ns", "until_ns", "edges")
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    since_ns: int
    until_ns: int
    edges: _containers.RepeatedCompositeFieldContainer[EdgeRate]
    def __init__(self, since_ns: _Optional[int] = ..., until_ns: _Optional[int] = ..., edges: _Optional[_Iterable[_Union[EdgeRate, _Mapping]]] = ...) -> None: ...

class EdgeRate(_message.Message):
    __slots__ = ("id", "to", "origin", "calls", "rate", "errors", "p50_ms", "p95_ms", "p99_ms", "bytes_in", "bytes_out")
    ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    P50_MS_FIELD_NUMBER: _ClassVar[int]
    P95_MS_FIELD_NUMBER: _ClassVar[int]
    P99_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    id: str
    to: str
    origin: str
    calls: int
    rate: float
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    bytes_in: int
    bytes_out: int
    def __init__(self, id: _Optional[str] = ..., to: _Optional[str] = ..., origin: _Optional[str] = ..., calls: _Optional[int] = ..., rate: _Optional[float] = ..., errors: _Optional[int] = ..., p50_ms: _Optional[float] = ..., p95_ms: _Optional[float] = ..., p99_ms: _Optional[float] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., **kwargs) -> None: ...

class ServerStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerStatusResponse(_message.Message):
    __slots__ = ("servers",)
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    servers: _containers.RepeatedCompositeFieldContainer[ServerState]
    def __init__(self, servers: _Optional[_Iterable[_Union[ServerState, _Mapping]]] = ...) -> None: ...

class ServerState(_message.Message):
    __slots__ = ("id", "connected", "version", "last_batch_ns", "lag_ns", "skew_ns", "read", "malformed", "missing")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LAST_BATCH_NS_FIELD_NUMBER: _ClassVar[int]
    LAG_NS_FIELD_NUMBER: _ClassVar[int]
    SKEW_NS_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    id: str
    connected: bool
    version: str
    last_batch_ns: int
    lag_ns: int
    skew_ns: int
    read: int
    malformed: int
    missing: int
    def __init__(self, id: _Optional[str] = ..., connected: _Optional[bool] = ..., version: _Optional[str] = ..., last_batch_ns: _Optional[int] = ..., lag_ns: _Optional[int] = ..., skew_ns: _Optional[int] = ..., read: _Optional[int] = ..., malformed: _Optional[int] = ..., missing: _Optional[int] = ...) -> None: ...
