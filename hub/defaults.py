"""Every default and bound of the hub, each with its unit and its reason."""

from __future__ import annotations

# --- what one message of an agent may hold -------------------------------------------------------

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""A gRPC message; gRPC's own default, and twenty times a 1000-row batch without compression."""

MAX_COLUMNS_BYTES = 16 * 1024 * 1024
"""Columns after decompression: what a 4 MiB message of real log lines unpacks to, and no bomb."""

MAX_ROWS = 65_536
"""Rows of a batch: dictionary codes have 16 bits."""

MAX_DICTIONARY_VALUES = 65_536
"""Distinct strings of a column: codes have 16 bits."""

MAX_OFFSET = 1 << 62
"""Bytes of a log, and any time in ns: sums of two stay within int64 and SQLite's integers."""

MAX_MALFORMED_SAMPLES = 5
"""Malformed lines shown of one batch."""

MAX_SAMPLE_CHARS = 1024
"""Of a sample's text or reason: 200 bytes of which every one was replaced, and some air."""

# --- what one agent may announce -----------------------------------------------------------------

MAX_PROXIES = 64
"""Proxies of one server; there are two as a rule."""

MAX_LOGS = 1024
"""Logs of one stream: rotated files found after a long stop, for every proxy."""

MAX_NAME_CHARS = 256
"""Names of proxies, networks, services; addresses."""

MAX_PATH_CHARS = 4096
"""Of a log on its server: Linux's PATH_MAX."""

MAX_LIST = 4096
"""Addresses of a server or a proxy, networks, names of a list."""

MAX_INVENTORY_ENTRIES = 50_000
"""Endpoints, routers and the like of one server; a crowded host has some hundreds."""

# --- how agents are asked to send ----------------------------------------------------------------

COALESCE_MS = 25
"""Between the 10 ms that cost an agent 9.5 % of Traefik's CPU and the 50 ms that are felt."""

MAX_BATCH_ROWS = 1000
"""A batch under load: at this size a message's fixed 200-350 us are 0.3 us a row."""

MAX_UNACKNOWLEDGED_BYTES = 8 * 1024 * 1024
"""Of one agent: two full messages under way; bounds the agent's memory and the hub's queue."""

WATERMARK_INTERVAL_MS = 250
"""Of an idle agent: a half call waits that long for its other half (DESIGN 10)."""

# --- streams -------------------------------------------------------------------------------------

KEEPALIVE_S = 5.0
"""Between two pings, and how long an answer may take: a dead agent is known after 10 s."""

HELLO_TIMEOUT_S = 10.0
"""A stream that says nothing is closed: it holds a slot."""

MAX_PENDING_BATCHES = 16
"""Batches of one stream waiting for a commit; then the stream is not read (HTTP/2 flow control)."""

DRAIN_S = 3.0
"""How long a stop waits for streams to end; SIGTERM has 5 s in all."""

# --- journal -------------------------------------------------------------------------------------

JOURNAL_QUEUE_BYTES = 64 * 1024 * 1024
"""Waiting for the next commit, all agents together; beyond it callers wait."""

JOURNAL_GROUP_BYTES = 16 * 1024 * 1024
"""Of one commit: bounds the time that the first waits for the last."""

JOURNAL_RETRY_S = 1.0
"""With a full disk: how often the journal looks whether space has returned."""

RESERVE_MIB = 64
"""Free space that the journal leaves, so that the hub can still seal and delete."""

# --- data ----------------------------------------------------------------------------------------

RETENTION_DAYS = 7
"""Days that calls are kept."""

RECENT_CALLS = 1_000_000
"""Calls kept in memory; some 0.5 GB with their strings."""
