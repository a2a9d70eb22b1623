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

MAX_STREAM_LOGS = 16_384
"""Logs sighted in the life of one stream: two proxies that rotate hourly for a year."""

MAX_NAME_CHARS = 256
"""Names of proxies, networks, services; addresses."""

MAX_PATH_CHARS = 4096
"""Of a log on its server: Linux's PATH_MAX."""

MAX_LIST = 4096
"""Addresses of a server or a proxy, networks, names of a list."""

MAX_TEXT_CHARS = 65_536
"""A router's rule, and other free text."""

MIN_TOKEN_CHARS = 16
"""Of a token: 96 bits, if it was drawn at random."""

MAX_INVENTORY_ENTRIES = 10_000
"""Endpoints, routers and the like of one server; a crowded host has some hundreds."""

MAX_REMEMBERED_TENURES = 10_000
"""Of one server: who had an address, ended so long ago that its agent tells no more of it. 2 MB."""

MAX_CONNECTIONS_TOLD = 1000
"""Connections of one message."""

# --- how agents are asked to send ----------------------------------------------------------------

COALESCE_MS = 25
"""Between the 10 ms that cost an agent 9.5 % of Traefik's CPU and the 50 ms that are felt."""

MAX_BATCH_ROWS = 1000
"""A batch under load: at this size a message's fixed 200-350 us are 0.3 us a row."""

MAX_UNACKNOWLEDGED_BYTES = 8 * 1024 * 1024
"""Of one agent: two full messages under way; bounds the agent's memory and the hub's queue."""

WATERMARK_INTERVAL_MS = 250
"""Of an idle agent: a half call waits that long for its other half (DESIGN 10)."""

# --- readers -------------------------------------------------------------------------------------

SESSION_HOURS = 12
"""Hours that a login lasts: a working day, and nobody's forgotten browser for a week."""

MAX_LOGGED_OUT = 10_000
"""Sessions remembered as ended before their time; 10 000 logouts within a session's life."""

LOGIN_ATTEMPTS = 10
"""Wrong tokens of one address before it must wait: more than typing errors, no search."""

LOGIN_WINDOW_S = 60.0
"""Seconds after which a wrong token is forgotten."""

MAX_LOGIN_ADDRESSES = 4096
"""Addresses with wrong tokens that are remembered; the oldest goes."""

MAX_FORM_BYTES = 16_384
"""A posted form: a token has 43 bytes."""

REVOKED_CHECK_S = 1.0
"""How often an open socket looks whether its reader may still read."""

# --- certificates that `enroll` makes ------------------------------------------------------------

CA_DAYS = 3650
"""Of the local CA: whoever replaces it must visit every server."""

CERTIFICATE_DAYS = 825
"""Of a certificate: what browsers and Apple's systems still take from a private CA."""

TOKEN_BYTES = 32
"""Of a token that is drawn here: 256 bits."""

# --- streams -------------------------------------------------------------------------------------

KEEPALIVE_S = 5.0
"""Between two pings, and how long an answer may take: a dead agent is known after 10 s."""

HELLO_TIMEOUT_S = 10.0
"""A stream that says nothing is closed: it holds a slot."""

MAX_PENDING_BATCHES = 16
"""Batches of one stream waiting for a commit; then the stream is not read (HTTP/2 flow control)."""

MAX_UNSENT_MESSAGES = 64
"""Answers that an agent has not taken; then its stream is not read."""

DRAIN_S = 3.0
"""How long a stop waits for streams to end; SIGTERM has 5 s in all."""

CANCELLED_WITHIN_S = 0.05
"""A lost connection looks like an agent's farewell until the cancellation behind it is noticed."""

# --- journal -------------------------------------------------------------------------------------

JOURNAL_QUEUE_BYTES = 64 * 1024 * 1024
"""Waiting for the next commit, all agents together; beyond it callers wait."""

JOURNAL_GROUP_BYTES = 16 * 1024 * 1024
"""Of one commit: bounds the time that the first waits for the last."""

JOURNAL_PAGE_BYTES = 16_384
"""SQLite's page: a batch is some 50 KB, and long chains of 4 KiB pages cost."""

JOURNAL_CHECKPOINT_PAGES = 1024
"""16 MiB of write-ahead log before it is copied into the file; seldom enough to be cheap."""

JOURNAL_DELETE_ENTRIES = 500
"""Deleted in one transaction, so that commits do not wait long for retention."""

JOURNAL_RETRY_S = 1.0
"""With a full disk: how often the journal looks whether space has returned."""

RESERVE_MIB = 64
"""Free space that the journal leaves, so that the hub can still seal and delete."""

# --- steps of the core ---------------------------------------------------------------------------

STEP_MS = 25
"""Under load, what is committed meanwhile is settled together: a step costs 1 to 2 ms in any case,
6 % of a core at this pace. It is seen that much later; an idle hub waits `YIELD_MS`."""

YIELD_MS = 1
"""Between a commit and its step at the least: the commit's acknowledgements leave in it."""

STEP_ROWS = 8_192
"""Lines settled at once: 20 ms of work, 80 ms with reading them from a journal of small batches."""

ACCEPT_AFTER_S = 3.0
"""Of reading the journal: then agents are accepted, and readers wait on. An ordinary start has read
a minute's lines by then, and whoever finds it ready can read, too."""

HELD_LINES = 500_000
"""Reported while the journal is being read, and waiting for the core: some 200 bytes each; beyond
it agents wait."""

STEP_PAUSE_S = 0.001
"""Between two steps of a replay: HTTP requests are answered in it."""

YOUNG_OBJECTS = 10_000
"""Allocated before Python looks for cycles among them. With its 700, and without `gc.freeze` at the
start, it looked through all 140,000 objects of a hub with 300 viewers every 25 s: 110 to 190 ms, in
which nobody was acknowledged."""

SWITCH_INTERVAL_S = 0.0005
"""How long the journal's thread waits at each step of a commit while the event loop computes.
Python's 5 ms made acknowledgements wait 20 ms and more as soon as the loop was busy."""

# --- data ----------------------------------------------------------------------------------------

RETENTION_DAYS = 7
"""Days that calls are kept."""

RECENT_CALLS = 1_000_000
"""Calls kept in memory; 0.7 to 0.85 GB with their strings."""

# --- history -------------------------------------------------------------------------------------

SEAL_INTERVAL_S = 60
"""How often what was settled is sealed: bounds what a start has to read again."""

SEAL_LINES = 100_000
"""Or as soon as this many lines came: taking the copies holds the core up for some 30 ms."""

SEAL_POLL_S = 1.0
"""How often the number of lines is looked at."""

SEAL_RETRY_S = 10.0
"""After sealing failed, on a full disk as a rule."""

GRACE_S = 600
"""Files that were replaced stay this long for who reads them by an older manifest."""

COMPACT_CALLS = 250_000
"""Small files of one hour become one of up to so many calls: some 300 MB of memory meanwhile."""

KEPT_PARTS = 8
"""Row groups that stay decoded: the next page begins where the last one ended; up to 10 MB each."""

EXPORT_MESSAGE_BYTES = 1 << 20
"""Of one gRPC message of an export: readers take 4 MiB, unless they say more."""

EXPORT_CALLS = 20_000
"""Calls that an export holds in memory at a time: 20 MB as NDJSON; what the core is asked for them
holds it up for some 10 ms."""

MAX_LINEAGE_GROUPS = 32
"""Row groups that are looked through for the parents of a page's calls: 3 ms each."""

MAX_CHILDREN = 1_000
"""Calls that one call tells as made for it: more than a waterfall can show."""

OPEN_FILES = 8
"""Of history, kept open: 2 MB each, of what is told of their columns; opening one costs 4 ms."""

RETENTION_S = 300
"""How often history looks for what is too old or too much."""

FINE_WINDOW_S = 7_200
"""Windows of up to two hours are counted by second, where seconds are kept."""

MAX_COUNTED_CALLS = 1_000_000
"""Kept calls of whose time a filtered histogram tells counts, within 0.3 s; of more estimates."""

MAX_COUNTED_GROUPS = 64
"""Row groups that these estimates are made of: a million calls, too."""

MAX_HISTOGRAM_STEPS = 600
"""Of a histogram: one for every two pixels of a wide timeline."""

MIN_REPLAY_SPEED = 0.25
"""A second of the past in four."""

MAX_REPLAY_SPEED = 100.0
"""Of a replay: an hour in 36 seconds."""

MAX_REPLAYS = 8
"""At once; each reads files and holds a piece of the past."""

REPLAY_PIECE_S = 10
"""Of the past, read ahead at once: 100,000 calls at 10,000 a second, 10 MB."""

# --- identity and join ---------------------------------------------------------------------------

MAX_OUTSIDE_NODES = 50
"""Intruders with a node of their own; the others share one, so that a scan cannot flood the graph.
"""

BUSY_SOURCES = 6
"""Addresses of the internet with a node of their own, the busiest: with named ranges, intruders and
the rest they fill the column of a screen."""

BUSY_CALLS = 10
"""Calls of late that make an address busy: who opens one page is passing by."""

BUSY_HALF_LIFE_S = 60
"""In which a call counts half for that: the figures beside the nodes are of a minute, too."""

BUSY_TIMES = 2.0
"""As busy as the least busy of them must be who takes its node: two alike would take turns."""

BUSY_HELD_S = 300
"""A node is its address's for this long at least: it leaves the picture no sooner either."""

BUSY_COUNTED = 256
"""Addresses counted, and as many more until the next sweep: 60 KB. A sweep takes from each what the
256th has, so a count lacks at most 1/256 of all calls of late."""

BUSY_SPANS = 8
"""Remembered of an address, the newest: calls are resolved anew by when it had a node."""

MAX_BUSY_NODES = 1_000
"""Addresses that ever had one: nodes and edges are kept for good, 1 MB. Then only these get one."""

MAX_RESOLVED = 100_000
"""Resolved addresses and upstreams that are remembered; some 200 bytes each."""

SETTLE_AFTER_COMMIT_MS = 5_000
"""A half waits this long for its other half at the most, whatever the watermarks say (CONTRACT)."""

SHOW_HALF_AFTER_MS = 150
"""The live view shows a half after this long and amends it later. Both lines
of the demo's calls are here within 80 ms as a rule; a direct call has no other half to wait for."""

CALLEE_MARGIN_MS = 100
"""A callee's line is complete before its caller's, give or take a network and an abort."""

CALLER_MARGIN_MS = 500
"""A caller's line follows its callee's within this, unless its client reads slowly."""

UNMEASURED_CLOCK_MS = 1_000
"""How far an imported server's clock may be off: what its calls tell of it counts more."""

SOLVE_CLOCKS_MS = 500
"""How often the servers' clock offsets are solved for; 1 ms of work for 12 servers."""

MAX_LATE_HALVES = 50_000
"""Settled halves whose ids are remembered; some 300 bytes each."""

MAX_TRACE_HALVES = 64
"""Unpaired halves looked at of one trace: a load generator gives all its requests the same one."""

LATE_HALF_S = 3_600
"""How long they are remembered."""

NOTED_S = 10
"""How long a line is noted that may tell of another one that stays alone: that is known within
seconds."""

MAX_NOTED = 50_000
"""Ids and keys noted; some 200 bytes each, and twice as many at the most."""

MAX_NOTED_OF_WORD = 16
"""Lines noted of one id or key: identical requests in flight."""

NESTING_TOLERANCE_MS = 5
"""How far a callee's interval may stick out of its caller's, with probed clocks."""

ASSUMED_GAP_MS = 1_000
"""Two lines of one trace that lie further apart than this are not one call."""

# --- what is kept and shown ----------------------------------------------------------------------

ROLLUP_S = 3_600
"""Seconds of edge rollups kept in memory; windows of /edges end there until history exists."""

HISTOGRAM_RATIO = 1.04
"""Width of a latency bin: a percentile is its bin's middle, so within 2 % of the exact one."""

RETIRE_AFTER_S = 300
"""A node or edge without traffic and inventory leaves the picture after this long."""

FRAME_INTERVAL_MS = 100
"""Ten frames a second with many viewers: a frame costs 70 us each."""

MIN_FRAME_INTERVAL_MS = 33
"""Up to 30 frames a second with few: what happened is seen 35 ms sooner on average."""

FEW_VIEWERS = 20
"""Viewers that get 30 frames a second; 4 % of a core. Beyond, sends a second stay the same down to
ten frames."""

WOKEN_VIEWERS = 5
"""Viewers that send at once, 0.4 ms; then others get a turn. A message of an agent takes the loop
half a dozen turns from its arrival to its acknowledgement: with 25 viewers in each, 300 of them let
streams fall behind."""

MAX_PACKETS = 2_000
"""Packets in a frame: what a page can draw."""

MAX_ERROR_DETAILS = 200
"""Calls that are not ok, in a frame and in a snapshot."""

MAX_CALL_DETAILS = 20
"""Other calls in a frame, for the live list: 200 a second are more than anybody reads, and half of
a frame's bytes."""

STALE_VIEWER_MS = 2_000
"""A viewer that is this far behind gets a fresh snapshot."""

LOST_VIEWER_MS = 10_000
"""A viewer that is this far behind is closed."""

SEND_TIMEOUT_S = 10.0
"""A client of a websocket that reads nothing for this long is let go."""

CLOSE_TIMEOUT_S = 1.0
"""How long the reason of a closing may take to leave."""

MAX_VIEWERS = 1_000
"""Open live sockets; 70 us a frame each."""

MAX_QUERY_CHARS = 1_000
"""Of a query: several lines of a search box."""

MAX_QUERY_TERMS = 50
"""Of a query: more than anybody types; bounds its depth, too."""

MAX_QUERY_CALLS = 10_000
"""Calls in one answer (CONTRACT)."""

MAX_NOTICES = 200
"""Kept for the view; the oldest goes."""

SKEW_NOTICE_MS = 500
"""A clock that is further off than this raises a notice: people compare logs by eye."""

MAX_PACKET_AGE_MS = 10_000
"""A call that ended longer ago is counted, not drawn: a backfill is no live traffic."""

MATCHED_S = 60
"""Seconds back from which the calls that a new query fits are counted."""

MATCHED_CALLS = 100_000
"""Newest calls that a snapshot looks at: 10 ms with a query over paths."""

SNAPSHOT_REUSE_MS = 1_000
"""How long a snapshot serves viewers that begin, with the frames since then as one."""

SNAPSHOT_PAUSE_S = 0.2
"""Between two snapshots of a page: somebody who types a query asks with every letter, and a large
snapshot takes the hub as long."""

MAX_CHANNELS = 32
"""Different queries of open pages: each makes its own frames, 1 to 3 ms under load."""

RECENT_SHOWN = 200
"""Newest calls, and newest bad ones, that a snapshot begins with."""

MAX_UNSENT_CALLS = 20_000
"""Calls waiting for one reader of /access_logs or of a followed query; then it is closed."""

MAX_READERS = 100
"""Of /access_logs, and as many followed queries: each call costs 60 us for each of them."""

CALLS_AT_ONCE = 200
"""Calls put into words on the event loop at once, some 50 ms; more are in a thread, or in turns."""

TICK_MS = 50
"""How often time passes for the core: halves are shown and settle that much later. A look costs
0.1 ms, with 10,000 calls a second on 5,000 edges 1 ms."""

MAX_SOCKET_MESSAGE_BYTES = 65_536
"""From a page to the hub: an acknowledgement has 30 bytes."""

# --- enrolment codes ------------------------------------------------------------------------------

CODE_MINUTES = 15
"""Minutes that a code is good for: the time to walk to another machine."""

MAX_CODES = 1000
"""Codes that wait to be used; the ones that end first go first."""

CODE_ATTEMPTS = 5
CODE_WINDOW_S = 60.0
"""Wrong codes by address, in s: then it must wait. A code has 128 bits; this bounds the work."""

# --- whose connections between servers are --------------------------------------------------------

MAX_CONNECTIONS = 50_000
"""Kept of one server, open ones and ended ones; the oldest go first: 430 bytes each,
22 MB."""

CONNECTION_MARGIN_MS = 2000
"""By which a connection's first packet may be told too late and its end too early: an agent that is
kept from work, clocks that are off. A port is another's after 10 s at the earliest."""

OWNER_MARGIN_MS = 50
"""Around a request's start a connection's address must not have two owners: what the servers'
clocks are off."""

MAX_UNNAMED = 20_000
"""Halves of direct calls that wait for a name, twice that at the most; 200 bytes each."""

UNNAMED_S = 30
"""Seconds, twice that at the most, for which a call without its caller's name may yet get it."""
