"""Every default of the agent, with its unit and its reason."""

from __future__ import annotations

PROTOCOL = 1
"""`Hello.protocol`: what this agent speaks."""

# Reading.
BLOCK_BYTES = 120 * 1024
"""One read of a log. Larger blocks leave the cache, and from 128 KiB on malloc asks the system for
each: with `GC_ALLOCATIONS` 5.9 µs a line where 512 KiB and Python's default took 8.0."""
GC_ALLOCATIONS = 50_000
"""A batch is thousands of tuples and lists without cycles; 700, as usual, searches them in vain."""
MAX_TURN_BYTES = 2 * 1024 * 1024
"""Read of one log at once: bounds the memory where lines are long."""
RELOOK_S = 0.05
"""During a long catch-up the files are looked at this often."""
MAX_LINE_BYTES = 1024 * 1024
"""A longer line counts as malformed. Traefik was seen to write 600 KB."""
SAMPLE_BYTES = 200
"""How much of a malformed line is kept to be shown."""
MAX_SAMPLES = 5
"""Malformed lines shown per batch; the rest is counted."""
HEAD_BYTES = 4096
"""How much of a log's first line is compared at each wake: its nanosecond stamp lies in it."""
FINGERPRINT_BYTES = 16
"""A log's identity: the head of the SHA-256 of its first line."""
ROTATED_WATCH_S = 60.0
"""Traefik goes on writing to a renamed file until it gets `USR1`."""
FAILING_S = 60.0
"""So long after a failed read the log has recovered: the next failure is told again."""
CANDIDATES = 64
"""Files beside a log that are looked at, newest first: more than any rotation keeps per restart."""
POLL_S = 0.25
"""How often a log is looked at without a wake by inotify: also the beat of idle watermarks."""
FAST_POLL_S = 0.05
"""The same where inotify does not wake us: a lone line is not seen later than that."""

# Sending.
COALESCE_S = 0.025
"""Under load, one batch per log each so often; the hub may set another."""
MAX_COALESCE_S = 1.0
"""Whatever the hub asks for: the loop must be able to leave within 5 s."""
MAX_BATCH_ROWS = 5000
"""A batch is cut here at the latest; the hub may set another."""
HARD_MAX_BATCH_ROWS = 65_536
"""Whatever the hub asks for: so no dictionary can exceed what its two-byte codes reach."""
MAX_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024
"""Reading stops here until the hub has journalled; the log is the spool."""
HARD_MAX_UNACKNOWLEDGED_BYTES = 16 * 1024 * 1024
"""Whatever the hub asks for: it is our memory."""
CATCH_UP_SHARE = 0.75
"""Of that, what logs that lie behind may use: live lines always find room."""
CATCH_UP_SPAN_NS = 30_000_000_000
"""Event time by which one log that catches up may be ahead of the slowest."""
MAX_PAYLOAD_BYTES = 1024 * 1024
"""A batch's message stays about this small; gRPC refuses 4 MiB."""
ROWS_BELOW = 10
"""Batches with fewer rows travel as plain rows, which cost agent and hub less together up to about
eight (`bench.small_batches`); the agent alone would send rows up to twenty."""
COMPRESS_FROM_BYTES = 1024
"""Below this, zstd costs more than it saves."""
WATERMARK_INTERVAL_S = 0.25
"""An idle log says this often how far it is complete; the hub may set another."""
WATERMARK_SLACK_NS = 20_000_000
"""A line is written just after the request's completion time: the time left for that write."""
COARSE_SLACK_NS = 1_020_000_000
"""The same where stamps are cut to the second: a later line's may seem a second earlier."""

# The connection.
RECONNECT_MIN_S = 0.1
RECONNECT_MAX_S = 2.0
"""Waits between attempts double between these two, with jitter: agents do not come in step."""
PROBE_INTERVAL_S = 5.0
"""Clock probes; their replies also show that the hub is alive."""
FIRST_PROBES = 3
QUICK_PROBE_S = 0.05
"""The first ones follow quickly, so that an estimate of the skew exists within a second."""
SILENCE_S = 10.0
"""Two probes without a word from the hub: the connection is given up."""
KEEPALIVE_MS = 5_000
"""HTTP/2 pings, and as long for the answer: a hub that vanished without closing is known after
10 s, even while a write waits for it."""
CONNECT_MS = 5_000
"""An attempt that takes longer is made anew: TCP's own repetitions lie ever further apart, and
would sleep on when the network is back."""

# The rest.
DRAIN_S = 4.0
"""After SIGTERM acknowledgements are waited for this long; exit follows within 5 s."""
CLOSE_S = 0.5
"""After that, the hub's own end of the stream is waited for this long."""
CHECKPOINT_INTERVAL_S = 10.0
"""How often acknowledged offsets are saved. The hub's offset wins, so an old one loses nothing."""
MAX_SIGHTINGS = 1000
"""Logs remembered in the checkpoint; the ones sighted longest ago go first."""
FIRST_REPORTS_S = 2.0
"""So long an agent's first inventory waits for sources that do not answer: an engine says within
0.1 s that it is there, and half an inventory would end the names that the hub has."""
TRAEFIK_POLL_S = 5.0
"""How often the Traefik API is read again."""
TRAEFIK_TIMEOUT_S = 2.0
"""An answer of the Traefik API that takes longer counts as none."""
TRAEFIK_MAX_PAGES = 1000
"""A bound on `X-Next-Page`: 100,000 routers."""
TRAEFIK_RULE_CHARACTERS = 65_536
"""What the hub takes of a router's rule."""

# Docker.
DOCKER_TIMEOUT_S = 5.0
"""A longer answer of the engine counts as none: it holds a container while it starts it."""
DOCKER_RETRY_MIN_S = 0.2
DOCKER_RETRY_MAX_S = 10.0
"""An engine that is gone is asked for again so often; an engine's restart takes a second or two."""
DOCKER_HISTORY_S = 3600.0
"""How far back the engine is asked for connects that it remembers (it keeps 256 events)."""
DOCKER_REPORT_S = 0.02
"""Changes that follow each other within this time are one report: a container brings several."""
DOCKER_REPORT_S_PER_ENDPOINT = 100e-6
"""On top, for each endpoint of a report: a server in churn sends at most some 1 MB a second."""
DOCKER_SAVE_S = 1.0
"""Tenures are saved at most so often; what a crash forgets is asked of the engine again."""
DOCKER_SEEN_S = 10.0
"""Without changes they are saved so often: names hold up to then if the agent is killed."""
CLOSED_TENURE_NS = 3_600_000_000_000
"""An ended tenure is told for this long: lines that waited for the hub come later."""
MAX_CLOSED_TENURES = 2000
"""The newest ended ones: 250 KB; older ones' requests that are told later stay without a name."""
HEARD_PEERS = 8
"""Of each chunk of lines, the peers of the last ones are checked: some 5 µs for thousands."""
STRANGER_S = 1.0
"""A network is looked at for an address that nobody is known to have, at most so often."""

# Connection tracking.
MAX_CONNECTIONS = 20_000
"""To other servers, open ones and those that ended lately: 230 bytes each, 5 MB; the oldest go
first."""
CLOSED_CONNECTION_NS = 600_000_000_000
"""Ended ones are kept for a hub that comes back: a restart or an upgrade takes less."""
CONNECTIONS_A_MESSAGE = 1000
"""Some 53 KB."""
CONNECTIONS_BUFFER_BYTES = 2 * 1024 * 1024
"""Of the kernel's events that wait to be read: some 8,000, a second's worth of a busy server."""
CONNECTIONS_EVENTS_A_SECOND = 5000
"""Read at most, some 25 µs each: an eighth of a processor. What is beyond waits in the buffer, and
is lost where that is full: then the table is read again."""
CONNECTIONS_COALESCE_S = 0.01
"""Events that follow each other within this time are told together."""
CONNECTIONS_TABLE_S = 10.0
"""The table is read at most so often: a large one (262,144 entries) takes seconds."""

# The doctor.
INSTANCE_BYTES = 16
"""Of an agent's instance: no two are ever alike."""
DOCTOR_HUB_S = 8.0
"""The hub asks an agent that it has for 5 s whether it is still there, before it takes another."""
DOCTOR_CLOCK_S = 1.0
"""A clock that is off by more is told; the hub works with any, but people read the times."""
DOCTOR_TAIL_BYTES = 1024 * 1024
"""Of a log's end: its last line lies in it."""

# Enrolment.
ENROL_S = 10.0
"""The hub's answer to a code takes some 10 ms: two files written to disk."""
