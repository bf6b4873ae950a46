"""The wire: every message, byte for byte, and everything that is none."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.errors import BadMessageReceived, BadMessageSent
from iai.protocol import wire
from iai.protocol.cache_writer import (
    CacheWriteFailed,
    CacheWriteSkipped,
    CacheWriteStarted,
    CacheWriteSuccess,
    Reason,
    RebuildWanted,
    Refresh,
    RefreshOutcome,
)
from iai.protocol.embedding import (
    EmbedQuery,
    GenerationBegun,
    GenerationServing,
    QueryVector,
    QueryVectors,
    VectorsCommitted,
)
from iai.protocol.graph_cache import (
    GraphUpdated,
    Hit,
    Line,
    MemoryUsed,
    Provenance,
    Recall,
    Recalled,
    SleepFinished,
    SleepStep,
)
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    ChangeSkipped,
    Edit,
    Erase,
    Flush,
    Flushed,
    Forget,
    IgnoreProject,
    Import,
    ImportProgress,
    ImportStatus,
    LineSkipped,
    Mark,
    MergeProjects,
    NameProject,
    Pin,
    Place,
    ProjectMoved,
    PurgeProgress,
    PurgeSecrets,
    PurgeStatus,
    RecordsCommitted,
    SessionEnded,
    SessionPart,
    SpoolRejected,
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.lifecycle import (
    Idle,
    LifecycleReport,
    LifecycleStatus,
    RequestState,
    StateChanged,
    Tick,
)
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Message,
    Ping,
    Pong,
    State,
)
from iai.protocol.registry import FEED, INBOX, REPLIES
from iai.protocol.replicator import (
    AppointAdmin,
    ChangesArrived,
    ChangeWithheld,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    ShareProject,
    StreamLimited,
    StreamRefilled,
    StreamReset,
    TeamConnected,
    TeamDisconnected,
    TeamMessageRefused,
    TeamPeer,
    TeamProject,
    TeamReport,
    TeamStatus,
)
from iai.protocol.supervisor import (
    Accepted,
    ActorDown,
    ActorHealth,
    ActorUp,
    Health,
    HealthReport,
    Restart,
    Stop,
)

ALL_KINDS = {
    **wire.REPLY_KINDS,
    **{kind: type_ for kinds in wire.INBOX_KINDS.values() for kind, type_ in kinds.items()},
    **{kind: type_ for kinds in wire.FEED_KINDS.values() for kind, type_ in kinds.items()},
}

VECTOR = QueryVector(generation=7, dtype="f4", dimension=2, data=b"\0\0\x80?\0\0\0\0")
TURN = CapturedTurn(text="h\u00e9", role="assistant", cwd="/p", created_at=-1)
PLACE = Place(id="p", name="n", root="/r")

# The bytes of each message below, as the answer to request "7". A row is never edited: a peer of
# another version has sent it. A new field, which has a default, adds a row under a new name: the
# kind, a comma, and what is new. The last row of a kind is how it is sent today.
GOLDEN: dict[str, str] = {
    "ping": ("83a17601a26964a137a46b696e64a470696e67"),
    "pong": (
        "86a17601a26964a137a46b696e64a4706f6e67a56163746f72ab67726170682d6361636865a370696402ae64"
        "726f707065645f6672616d657300"
    ),
    "error": ("85a17601a26964a137a46b696e64a56572726f72a4636f6465a462757379a664657461696ca164"),
    "health": ("83a17601a26964a137a46b696e64a66865616c7468"),
    "health-report": (
        "88a17601a26964a137a46b696e64ad6865616c74682d7265706f7274a370696401a776657273696f6ea130a5"
        "73746f7265a22f73aa737461727465645f617402a66163746f72739187a56163746f72a6696e67657374a573"
        "74617465a57265616479a370696401a8726573746172747300aa626561745f6167655f73cb3fe00000000000"
        "00a86163746976697479a477616974a96c6173745f65786974a0"
    ),
    "stop": ("83a17601a26964a137a46b696e64a473746f70"),
    "restart": ("84a17601a26964a137a46b696e64a772657374617274a56163746f72a9656d62656464696e67"),
    "accepted": ("83a17601a26964a137a46b696e64a86163636570746564"),
    "actor-up": (
        "85a17601a26964a137a46b696e64a86163746f722d7570a56163746f72a6696e67657374a370696403"
    ),
    "actor-down": (
        "85a17601a26964a137a46b696e64aa6163746f722d646f776ea56163746f72a6696e67657374a6726561736f"
        "6ea172"
    ),
    "capture": (
        "84a17601a26964a137a46b696e64a763617074757265a57475726e73918aa474657874a368c3a9a4726f6c65"
        "a9617373697374616e74a474696572a8657069736f646963a4686f7374a6636c69656e74a773657373696f6e"
        "a0a3637764a22f70aa637265617465645f6174ffa47461677390a670696e6e6564c2a36b6579a0"
    ),
    "captured": (
        "87a17601a26964a137a46b696e64a86361707475726564a369647391a23031a5616464656401aa6475706c69"
        "636174657300a87265766973696f6e09"
    ),
    "pin": ("85a17601a26964a137a46b696e64a370696ea3726566a22331a670696e6e6564c3"),
    "mark": ("86a17601a26964a137a46b696e64a46d61726ba3726566a22331a46d61726ba4646f6e65a26f6ec3"),
    "edit": ("85a17601a26964a137a46b696e64a465646974a3726566a22331a474657874a174"),
    "forget": (
        "85a17601a26964a137a46b696e64a6666f72676574a47265667391a22331ae77686f6c655f73657373696f6e"
        "73c2"
    ),
    "erase": (
        "87a17601a26964a137a46b696e64a56572617365a66c6162656c739101a570617274739185a773657373696f"
        "6ea23030a573696e636500a5756e74696c00a474657874a174a57469746c65c2a870726f6a6563747391a170"
        "a474657874a0"
    ),
    "erase, with the branch": (
        "87a17601a26964a137a46b696e64a56572617365a66c6162656c739101a570617274739186a77365737369"
        "6f6ea23030a573696e636500a5756e74696c00a474657874a174a57469746c65c2a66272616e6368c2a870"
        "726f6a6563747391a170a474657874a0"
    ),
    "merge-projects": (
        "85a17601a26964a137a46b696e64ae6d657267652d70726f6a65637473a770726f6a65637483a26964a170a4"
        "6e616d65a16ea4726f6f74a22f72a4696e746f83a26964a170a46e616d65a16ea4726f6f74a22f72"
    ),
    "ignore-project": (
        "86a17601a26964a137a46b696e64ae69676e6f72652d70726f6a656374a770726f6a65637483a26964a170a4"
        "6e616d65a16ea4726f6f74a22f72a562656c6f77c3a769676e6f726564c3"
    ),
    "changed": ("85a17601a26964a137a46b696e64a76368616e676564a5636f756e7401a87265766973696f6e02"),
    "flush": ("83a17601a26964a137a46b696e64a5666c757368"),
    "flushed": ("84a17601a26964a137a46b696e64a7666c7573686564a87265766973696f6e03"),
    "import": ("84a17601a26964a137a46b696e64a6696d706f7274a5706174687391a22f74"),
    "import-status": ("84a17601a26964a137a46b696e64ad696d706f72742d737461747573a36a6f62a16a"),
    "purge-secrets": "84a17601a26964a137a46b696e64ad70757267652d73656372657473a76472795f72756ec3",
    "purge-status": "83a17601a26964a137a46b696e64ac70757267652d737461747573",
    "purge-progress": (
        "89a17601a26964a137a46b696e64ae70757267652d70726f6772657373a4646f6e65c3a76472795f72756ec3"
        "a5746578747303a76368616e67656401a8726564616374656481a36a777401a87265766973696f6e04"
    ),
    "import-progress": (
        "8fa17601a26964a137a46b696e64af696d706f72742d70726f6772657373a36a6f62a16aa4646f6e65c3a566"
        "696c657301aa66696c65735f646f6e6501a5627974657302aa62797465735f646f6e6502aa7475726e735f72"
        "65616403ad7265636f7264735f616464656403aa6475706c69636174657300a7736b697070656481a46d6574"
        "6101aa756e7265616461626c6590a87265766973696f6e04"
    ),
    "records-committed": (
        "85a17601a26964a137a46b696e64b17265636f7264732d636f6d6d6974746564a87265766973696f6e01a869"
        "6e67657374656401"
    ),
    "session-ended": (
        "85a17601a26964a137a46b696e64ad73657373696f6e2d656e646564a87265766973696f6e01a770726f6a65"
        "6374a170"
    ),
    "line-skipped": (
        "86a17601a26964a137a46b696e64ac6c696e652d736b6970706564aa7472616e736372697074a22f74a66f66"
        "6673657405a6726561736f6ea86261645f6a736f6e"
    ),
    "spool-rejected": (
        "85a17601a26964a137a46b696e64ae73706f6f6c2d72656a6563746564a466696c65a166a6726561736f6ea172"
    ),
    "change-skipped": (
        "86a17601a26964a137a46b696e64ae6368616e67652d736b6970706564a873657175656e636507a76d61636869"
        "6e65b030313233343536373839616263646566a6726561736f6ea172"
    ),
    "store-full": (
        "86a17601a26964a137a46b696e64aa73746f72652d66756c6ca47573656409a46672656508a56c696d69740a"
    ),
    "store-has-room": (
        "86a17601a26964a137a46b696e64ae73746f72652d6861732d726f6f6da47573656405a46672656508a56c69"
        "6d69740a"
    ),
    "project-moved": (
        "87a17601a26964a137a46b696e64ad70726f6a6563742d6d6f766564a770726f6a656374a170a4696e746fa1"
        "71a3776173a22f70a36e6f77a22f71"
    ),
    "embed-query": ("84a17601a26964a137a46b696e64ab656d6265642d7175657279a474657874a171"),
    "query-vectors": (
        "84a17601a26964a137a46b696e64ad71756572792d766563746f7273a7766563746f72739184aa67656e6572"
        "6174696f6e07a56474797065a26634a964696d656e73696f6e02a464617461c4080000803f00000000"
    ),
    "vectors-committed": (
        "86a17601a26964a137a46b696e64b1766563746f72732d636f6d6d6974746564a87265766973696f6e01a865"
        "6d62656464656402aa7265656d62656464656403"
    ),
    "generation-begun": (
        "87a17601a26964a137a46b696e64b067656e65726174696f6e2d626567756eaa67656e65726174696f6e02a8"
        "656d626564646572a165a77265636f72647346ac636f756e7465645f7570746f40"
    ),
    "generation-serving": (
        "87a17601a26964a137a46b696e64b267656e65726174696f6e2d73657276696e67aa67656e65726174696f6e"
        "02a8656d626564646572a165a77265636f72647346ac636f756e7465645f7570746f40"
    ),
    "recall": (
        "87a17601a26964a137a46b696e64a6726563616c6ca57175657279a171a16b03a770726f6a656374a170a776"
        "6563746f72739184aa67656e65726174696f6e07a56474797065a26634a964696d656e73696f6e02a4646174"
        "61c4080000803f00000000"
    ),
    "recalled": (
        "86a17601a26964a137a46b696e64a8726563616c6c6564a468697473918da26964a23031a56c6162656c01a5"
        "73636f7265cb3ff8000000000000a377687981a5776f726473cb3ff0000000000000a474657874a174a4726f"
        "6c65a475736572a4686f7374a6636c61756465aa73657373696f6e5f6964a173a770726f6a656374a170ac70"
        "726f6a6563745f6e616d65a16ea3637764a12faa637265617465645f617401a670696e6e6564c2a864656772"
        "6164656491aa766563746f72733a2078a87265766973696f6e01"
    ),
    "recall, with filters": (
        "8da17601a26964a137a46b696e64a6726563616c6ca57175657279a171a16b03a770726f6a656374a170a776"
        "6563746f72739184aa67656e65726174696f6e07a56474797065a26634a964696d656e73696f6e02a4646174"
        "61c4080000803f00000000a773657373696f6ea173a4726f6c65a475736572a474696572a873656d616e7469"
        "63a573696e636501a5756e74696c02a76578706c61696ec3"
    ),
    "recalled, with provenance": (
        "86a17601a26964a137a46b696e64a8726563616c6c6564a46869747391de0011a26964a23031a56c6162656c"
        "01a573636f7265cb3ff8000000000000a377687981a5776f726473cb3ff0000000000000a474657874a174a4"
        "726f6c65a475736572a4686f7374a6636c61756465aa73657373696f6e5f6964a173a770726f6a656374a170"
        "ac70726f6a6563745f6e616d65a16ea3637764a12faa637265617465645f617401a670696e6e6564c2a47469"
        "6572a873656d616e746963a47461677391a161a6736f7572636583aa7472616e736372697074a22f74a66f66"
        "6673657405a475756964a175a76d61746368656491a171a8646567726164656491aa766563746f72733a2078"
        "a87265766973696f6e01"
    ),
    "recalled, with what supersedes it": (
        "86a17601a26964a137a46b696e64a8726563616c6c6564a46869747391de0012a26964a23031a56c6162656c"
        "01a573636f7265cb3ff8000000000000a377687981a5776f726473cb3ff0000000000000a474657874a174a4"
        "726f6c65a475736572a4686f7374a6636c61756465aa73657373696f6e5f6964a173a770726f6a656374a170"
        "ac70726f6a6563745f6e616d65a16ea3637764a12faa637265617465645f617401a670696e6e6564c2a47469"
        "6572a873656d616e746963a47461677391a161a6736f7572636583aa7472616e736372697074a22f74a66f66"
        "6673657405a475756964a175a76d61746368656491a171ad737570657273656465645f6279a23032a8646567"
        "726164656491aa766563746f72733a2078a87265766973696f6e01"
    ),
    "recall, by what was done": (
        "de0012a17601a26964a137a46b696e64a6726563616c6ca57175657279a171a16b03a770726f6a656374a170"
        "a7766563746f72739184aa67656e65726174696f6e07a56474797065a26634a964696d656e73696f6e02a464"
        "617461c4080000803f00000000a773657373696f6ea173a4726f6c65a475736572a474696572a873656d616e"
        "746963a573696e636501a5756e74696c02a76578706c61696ec3a46e656172a16ea466696c65a166a6636f6d"
        "6d6974a163a7636f6d6d616e64a16da66661696c6564c3"
    ),
    "recalled, as exchanges": (
        "86a17601a26964a137a46b696e64a8726563616c6c6564a46869747391de001ea26964a23031a56c6162656c"
        "01a573636f7265cb3ff8000000000000a377687981a5776f726473cb3ff0000000000000a474657874a174a4"
        "726f6c65a475736572a4686f7374a6636c61756465aa73657373696f6e5f6964a173a770726f6a656374a170"
        "ac70726f6a6563745f6e616d65a16ea3637764a12faa637265617465645f617401a670696e6e6564c2a47469"
        "6572a873656d616e746963a47461677391a161a6736f7572636583aa7472616e736372697074a22f74a66f66"
        "6673657405a475756964a175a76d61746368656491a171ad737570657273656465645f6279a23032a7706173"
        "73616765a174a77265717565737403a561736b6564a161a6616e73776572a162a56c696e65739183a56c6162"
        "656c04a4726f6c65a475736572a474657874a16ca566696c657391a166a7636f6d6d69747391a163a8636f6d"
        "6d616e647391a16da66572726f727391a165a9656c73657768657265c3aa756e617474656e646564c3a47361"
        "6d659105a8646567726164656491aa766563746f72733a2078a87265766973696f6e01"
    ),
    "recall, by machines": (
        "de0013a17601a26964a137a46b696e64a6726563616c6ca57175657279a171a16b03a770726f6a656374a170"
        "a7766563746f72739184aa67656e65726174696f6e07a56474797065a26634a964696d656e73696f6e02a464"
        "617461c4080000803f00000000a773657373696f6ea173a4726f6c65a475736572a474696572a873656d616e"
        "746963a573696e636501a5756e74696c02a76578706c61696ec3a46e656172a16ea466696c65a166a6636f6d"
        "6d6974a163a7636f6d6d616e64a16da66661696c6564c3a86d616368696e657392a0a26161"
    ),
    "recalled, with who said it": (
        "86a17601a26964a137a46b696e64a8726563616c6c6564a46869747391de001fa26964a23031a56c6162656c"
        "01a573636f7265cb3ff8000000000000a377687981a5776f726473cb3ff0000000000000a474657874a174a4"
        "726f6c65a475736572a4686f7374a6636c61756465aa73657373696f6e5f6964a173a770726f6a656374a170"
        "ac70726f6a6563745f6e616d65a16ea3637764a12faa637265617465645f617401a670696e6e6564c2a47469"
        "6572a873656d616e746963a47461677391a161a6736f7572636583aa7472616e736372697074a22f74a66f66"
        "6673657405a475756964a175a76d61746368656491a171ad737570657273656465645f6279a23032a7706173"
        "73616765a174a77265717565737403a561736b6564a161a6616e73776572a162a56c696e65739183a56c6162"
        "656c04a4726f6c65a475736572a474657874a16ca566696c657391a166a7636f6d6d69747391a163a8636f6d"
        "6d616e647391a16da66572726f727391a165a9656c73657768657265c3aa756e617474656e646564c3a47361"
        "6d659105a26279a162a8646567726164656491aa766563746f72733a2078a87265766973696f6e01"
    ),
    "graph-updated": (
        "84a17601a26964a137a46b696e64ad67726170682d75706461746564a87265766973696f6e01"
    ),
    "memory-used": ("83a17601a26964a137a46b696e64ab6d656d6f72792d75736564"),
    "sleep-step": (
        "88a17601a26964a137a46b696e64aa736c6565702d73746570a473746570a56c696e6b73a76f7574636f6d65"
        "a66661696c6564a56974656d7302a77365636f6e6473cb3ff8000000000000a56572726f72a165"
    ),
    "sleep-finished": (
        "84a17601a26964a137a46b696e64ae736c6565702d66696e6973686564a87265766973696f6e01"
    ),
    "lifecycle-status": ("83a17601a26964a137a46b696e64b06c6966656379636c652d737461747573"),
    "request-state": (
        "84a17601a26964a137a46b696e64ad726571756573742d7374617465a57374617465a5736c656570"
    ),
    "lifecycle-report": (
        "86a17601a26964a137a46b696e64b06c6966656379636c652d7265706f7274a57374617465a477616b65a573"
        "696e636501b06c6173745f61637469766974795f617402"
    ),
    "tick": ("84a17601a26964a137a46b696e64a47469636ba57374617465a664726f777379"),
    "idle": (
        "85a17601a26964a137a46b696e64a469646c65a57374617465a5736c656570a669646c655f73cb3ff8000000"
        "000000"
    ),
    "state-changed": (
        "85a17601a26964a137a46b696e64ad73746174652d6368616e676564a870726576696f7573a477616b65a573"
        "74617465a664726f777379"
    ),
    "refresh": ("85a17601a26964a137a46b696e64a772656672657368a5666f726365c3a76472795f72756ec2"),
    "refresh-outcome": (
        "88a17601a26964a137a46b696e64af726566726573682d6f7574636f6d65a76f7574636f6d65a77772697474"
        "656ea6726561736f6ea6666f72636564a677616e746564a0a87265766973696f6e01a664657461696ca0"
    ),
    "rebuild-wanted": ("83a17601a26964a137a46b696e64ae72656275696c642d77616e746564"),
    "session_start_cache_write_started": (
        "87a17601a26964a137a46b696e64d92173657373696f6e5f73746172745f63616368655f77726974655f7374"
        "6172746564a774726967676572a66d616e75616caa63616368655f70617468a22f73ad666f7263655f726562"
        "75696c64c3a6726561736f6ea6666f72636564"
    ),
    "session_start_cache_write_success": (
        "8da17601a26964a137a46b696e64d92173657373696f6e5f73746172745f63616368655f77726974655f7375"
        "6363657373a774726967676572ad77616b655f73657175656e6365aa63616368655f70617468a22f73ae7265"
        "6e64657265645f636861727301ad7265636f7264735f636f756e7402ad6d61785f7665635f6c6162656c03b5"
        "6d61785f7265636f72645f637265617465645f617404ae6d61785f757064617465645f617405ab6475726174"
        "696f6e5f6d73cb401a000000000000a87265766973696f6e07a87061796c6f61647301"
    ),
    "session_start_cache_write_skipped": (
        "89a17601a26964a137a46b696e64d92173657373696f6e5f73746172745f63616368655f77726974655f736b"
        "6970706564a774726967676572ad706572696f6469635f77616b65aa63616368655f70617468a22f73a67265"
        "61736f6eae6e6f5f6e65775f7265636f726473a677616e746564c0a5636f756e7401a67370616e5f73cb0000"
        "000000000000"
    ),
    "session_start_cache_write_failed": (
        "88a17601a26964a137a46b696e64d92073657373696f6e5f73746172745f63616368655f77726974655f6661"
        "696c6564a774726967676572ae736c6565705f706970656c696e65aa63616368655f70617468a22f73a67265"
        "61736f6ea74f534572726f72a56572726f72a165ab6475726174696f6e5f6d73cb3ff8000000000000"
    ),
    "team-status": "83a17601a26964a137a46b696e64ab7465616d2d737461747573",
    "share-project": (
        "85a17601a26964a137a46b696e64ad73686172652d70726f6a656374a770726f6a656374a170a26f6ec2"
    ),
    "invite-machine": "83a17601a26964a137a46b696e64ae696e766974652d6d616368696e65",
    "leave-team": "84a17601a26964a137a46b696e64aa6c656176652d7465616da76d616368696e65a16d",
    "team-report": (
        "8ea17601a26964a137a46b696e64ab7465616d2d7265706f7274a47465616da174a46e616d65a16ea76d6163"
        "68696e65a16da57374617465a9636f6e6e6563746564a573696e636501a6726561736f6ea172a770656e6469"
        "6e6702a777616974696e6703a77265667573656404a570656572739187a76d616368696e65a16da661757468"
        "6f72a161a46e616d65a16ea868656172645f617401a777616974696e6702a76d697373696e67c3ac62656869"
        "6e645f73696e636503a870726f6a656374739184a770726f6a656374a170ab756e7075626c697368656401b1"
        "756e7075626c69736865645f73696e636502a7626c6f636b6564a162"
    ),
    "machine-invited": (
        "84a17601a26964a137a46b696e64af6d616368696e652d696e7669746564a4636f6465a163"
    ),
    "changes-arrived": (
        "85a17601a26964a137a46b696e64af6368616e6765732d61727269766564a673747265616da173a873657175"
        "656e636501"
    ),
    "team-connected": (
        "84a17601a26964a137a46b696e64ae7465616d2d636f6e6e6563746564a673747265616da173"
    ),
    "team-disconnected": (
        "84a17601a26964a137a46b696e64b17465616d2d646973636f6e6e6563746564a6726561736f6ea172"
    ),
    "stream-reset": "84a17601a26964a137a46b696e64ac73747265616d2d7265736574a673747265616da173",
    "stream-refilled": (
        "84a17601a26964a137a46b696e64af73747265616d2d726566696c6c6564a770726f6a656374a170"
    ),
    "stream-limited": (
        "84a17601a26964a137a46b696e64ae73747265616d2d6c696d69746564a66c696d697473a16c"
    ),
    "change-withheld": (
        "87a17601a26964a137a46b696e64af6368616e67652d7769746868656c64a770726f6a656374a170a8726576"
        "6973696f6e01a473697a6503a76c61726765737402"
    ),
    "team-message-refused": (
        "86a17601a26964a137a46b696e64b47465616d2d6d6573736167652d72656675736564a873657175656e6365"
        "01a77375626a656374a173a6726561736f6ea172"
    ),
    "capture, as a note of one's own": (
        "84a17601a26964a137a46b696e64a763617074757265a57475726e73918ba474657874a368c3a9a4726f6c65"
        "a9617373697374616e74a474696572a8657069736f646963a4686f7374a6636c69656e74a773657373696f6e"
        "a0a3637764a22f70aa637265617465645f6174ffa47461677390a670696e6e6564c2a36b6579a0a46d696e65"
        "c2"
    ),
    "pin, as one's own": (
        "86a17601a26964a137a46b696e64a370696ea3726566a22331a670696e6e6564c3a46d696e65c2"
    ),
    "name-project": (
        "84a17601a26964a137a46b696e64ac6e616d652d70726f6a656374a770726f6a65637483a26964a170a46e61"
        "6d65a16ea4726f6f74a22f72"
    ),
    "invite-machine, for oneself": (
        "84a17601a26964a137a46b696e64ae696e766974652d6d616368696e65a36f776ec2"
    ),
    "appoint-admin": (
        "84a17601a26964a137a46b696e64ad6170706f696e742d61646d696ea76d616368696e65a16d"
    ),
    "team-report, with admins": (
        "8fa17601a26964a137a46b696e64ab7465616d2d7265706f7274a47465616da174a46e616d65a16ea76d6163"
        "68696e65a16da57374617465a9636f6e6e6563746564a573696e636501a6726561736f6ea172a770656e6469"
        "6e6702a777616974696e6703a77265667573656404a570656572739188a76d616368696e65a16da661757468"
        "6f72a161a46e616d65a16ea868656172645f617401a777616974696e6702a76d697373696e67c3ac62656869"
        "6e645f73696e636503a36f776ec2a870726f6a656374739184a770726f6a656374a170ab756e7075626c6973"
        "68656401b1756e7075626c69736865645f73696e636502a7626c6f636b6564a162a661646d696e7390"
    ),
}


def one_of_each() -> list[Message]:
    """Return a message of every kind, with every field filled."""
    health = ActorHealth(
        actor=Actor.INGEST, state="ready", pid=1, restarts=0, beat_age_s=0.5, activity="wait",
        last_exit="",
    )  # fmt: skip
    hit = Hit(
        id="01", label=1, score=1.5, why={"words": 1.0}, text="t", role="user", host="claude",
        session_id="s", project="p", project_name="n", cwd="/", created_at=1, pinned=False,
        tier="semantic", tags=("a",), matched=("q",), superseded_by="02",
        source=Provenance(transcript="/t", offset=5, uuid="u"),
        passage="t", request=3, asked="a", answer="b",
        lines=(Line(label=4, role="user", text="l"),), files=("f",), commits=("c",),
        commands=("m",), errors=("e",), elsewhere=True, unattended=True, same=(5,), by="b",
    )  # fmt: skip
    peer = TeamPeer(
        machine="m", author="a", name="n", heard_at=1, waiting=2, missing=True, behind_since=3
    )
    shared = TeamProject(project="p", unpublished=1, unpublished_since=2, blocked="b")
    return [
        Ping(),
        Pong(actor=Actor.GRAPH_CACHE, pid=2, dropped_frames=0),
        Error(code=ErrorCode.BUSY, detail="d"),
        Health(),
        HealthReport(pid=1, version="0", store="/s", started_at=2, actors=(health,)),
        Stop(),
        Restart(actor=Actor.EMBEDDING),
        Accepted(),
        ActorUp(actor=Actor.INGEST, pid=3),
        ActorDown(actor=Actor.INGEST, reason="r"),
        Capture(turns=(TURN,)),
        Captured(ids=("01",), added=1, duplicates=0, revision=9),
        Pin(ref="#1"),
        Mark(ref="#1", mark="done"),
        Edit(ref="#1", text="t"),
        Forget(refs=("#1",)),
        Erase(labels=(1,), parts=(SessionPart(session="00", text="t"),), projects=("p",)),
        MergeProjects(project=PLACE, into=PLACE),
        IgnoreProject(project=PLACE, below=True),
        NameProject(project=PLACE),
        Changed(count=1, revision=2),
        Flush(),
        Flushed(revision=3),
        Import(paths=("/t",)),
        ImportStatus(job="j"),
        ImportProgress(
            job="j", done=True, files=1, files_done=1, bytes=2, bytes_done=2, turns_read=3,
            records_added=3, duplicates=0, skipped={"meta": 1}, unreadable=(), revision=4,
        ),
        PurgeSecrets(dry_run=True),
        PurgeStatus(),
        PurgeProgress(
            done=True, dry_run=True, texts=3, changed=1, redacted={"jwt": 1}, revision=4
        ),
        RecordsCommitted(revision=1, ingested=1),
        SessionEnded(revision=1, project="p"),
        LineSkipped(transcript="/t", offset=5, reason="bad_json"),
        SpoolRejected(file="f", reason="r"),
        ChangeSkipped(sequence=7, machine="0123456789abcdef", reason="r"),
        StoreFull(used=9, free=8, limit=10),
        StoreHasRoom(used=5, free=8, limit=10),
        ProjectMoved(project="p", into="q", was="/p", now="/q"),
        EmbedQuery(text="q"),
        QueryVectors(vectors=(VECTOR,)),
        VectorsCommitted(revision=1, embedded=2, reembedded=3),
        GenerationBegun(generation=2, embedder="e", records=70, counted_upto=64),
        GenerationServing(generation=2, embedder="e", records=70, counted_upto=64),
        Recall(
            query="q", k=3, project="p", vectors=(VECTOR,), session="s", role="user",
            tier="semantic", since=1, until=2, explain=True, near="n", file="f", commit="c",
            command="m", failed=True, machines=("", "aa"),
        ),
        Recalled(hits=(hit,), degraded=("vectors: x",), revision=1),
        GraphUpdated(revision=1),
        MemoryUsed(),
        SleepStep(step="links", outcome="failed", items=2, seconds=1.5, error="e"),
        SleepFinished(revision=1),
        LifecycleStatus(),
        RequestState(state=State.SLEEP),
        LifecycleReport(state=State.WAKE, since=1, last_activity_at=2),
        Tick(state=State.DROWSY),
        Idle(state=State.SLEEP, idle_s=1.5),
        StateChanged(previous=State.WAKE, state=State.DROWSY),
        Refresh(force=True),
        RefreshOutcome(outcome="written", reason="forced", revision=1),
        RebuildWanted(),
        CacheWriteStarted(
            trigger="manual", cache_path="/s", force_rebuild=True, reason=Reason.FORCED
        ),
        CacheWriteSuccess(
            trigger="wake_sequence", cache_path="/s", rendered_chars=1, records_count=2,
            max_vec_label=3, max_record_created_at=4, max_updated_at=5, duration_ms=6.5,
            revision=7, payloads=1,
        ),
        CacheWriteSkipped(
            trigger="periodic_wake", cache_path="/s", reason=Reason.NO_NEW_RECORDS, wanted=None
        ),
        CacheWriteFailed(
            trigger="sleep_pipeline", cache_path="/s", reason="OSError", error="e", duration_ms=1.5
        ),
        TeamStatus(),
        ShareProject(project="p", on=False),
        InviteMachine(),
        AppointAdmin(machine="m"),
        LeaveTeam(machine="m"),
        TeamReport(
            team="t", name="n", machine="m", state="connected", since=1, reason="r", pending=2,
            waiting=3, refused=4, peers=(peer,), projects=(shared,),
        ),
        MachineInvited(code="c"),
        ChangesArrived(stream="s", sequence=1),
        TeamConnected(stream="s"),
        TeamDisconnected(reason="r"),
        StreamReset(stream="s"),
        StreamRefilled(project="p"),
        StreamLimited(limits="l"),
        ChangeWithheld(project="p", revision=1, size=3, largest=2),
        TeamMessageRefused(sequence=1, subject="s", reason="r"),
    ]  # fmt: skip


def rows(kind: str) -> list[bytes]:
    """Return every frame in which a kind was ever sent, today's last."""
    return [bytes.fromhex(row) for name, row in GOLDEN.items() if name.split(",")[0] == kind]


@pytest.mark.parametrize("message", one_of_each(), ids=wire.kind)
def test_the_bytes_on_the_wire_never_change(message: Message) -> None:
    frame = rows(wire.kind(message))[-1]
    assert wire.encode(message, "7") == frame
    assert wire.decode(frame, ALL_KINDS) == ("7", message)


def test_what_a_peer_sent_before_there_were_filters_asks_for_everything() -> None:
    asked = Recall(query="q", k=3, project="p", vectors=(VECTOR,))
    assert wire.decode(rows("recall")[0], ALL_KINDS) == ("7", asked)


def test_a_hit_that_a_peer_sent_without_provenance_is_one_of_unknown_provenance() -> None:
    hit = Hit(
        id="01", label=1, score=1.5, why={"words": 1.0}, text="t", role="user", host="claude",
        session_id="s", project="p", project_name="n", cwd="/", created_at=1, pinned=False,
    )  # fmt: skip
    sent = Recalled(hits=(hit,), degraded=("vectors: x",), revision=1)
    assert wire.decode(rows("recalled")[0], ALL_KINDS) == ("7", sent)
    assert hit.source == Provenance()


def test_every_message_has_golden_bytes() -> None:
    assert {name.split(",")[0] for name in GOLDEN} == set(ALL_KINDS)


def test_no_two_messages_share_a_kind() -> None:
    declared = [
        type_
        for group in (*INBOX.values(), *FEED.values(), REPLIES)
        for type_ in group
        if type_ is not Ping
    ]
    assert len({wire.kind(type_) for type_ in declared}) == len(declared)


def test_every_request_is_understood_by_one_actor_and_every_event_told_by_one() -> None:
    """Ping is everybody's."""
    requests = [t for kinds in INBOX.values() for t in kinds if t is not Ping]
    events = [t for kinds in FEED.values() for t in kinds]
    assert len(set(requests)) == len(requests)
    assert len(set(events)) == len(events)


def refusal(frame: bytes) -> BadMessageReceived:
    """Return the error with which the ingest actor refuses a frame."""
    with pytest.raises(BadMessageReceived) as refused:
        wire.decode(frame, wire.INBOX_KINDS[Actor.INGEST])
    return refused.value


def pack(**fields: object) -> bytes:
    return bytes(msgpack.packb({"v": 1, "id": "7", "kind": "pin", "ref": "#1", **fields}))


def test_fields_of_a_newer_peer_are_ignored() -> None:
    envelope = wire.decode(pack(colour="red"), wire.INBOX_KINDS[Actor.INGEST])
    assert envelope == ("7", Pin(ref="#1"))


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", ErrorCode.BAD_MESSAGE),
        (b"\xc1", ErrorCode.BAD_MESSAGE),
        (pack()[:-1], ErrorCode.BAD_MESSAGE),
        (pack() + b"\0", ErrorCode.BAD_MESSAGE),
        (bytes(msgpack.packb([1, 2])), ErrorCode.BAD_MESSAGE),
        (bytes(msgpack.packb({1: 2})), ErrorCode.BAD_MESSAGE),
        (b"\x81" * 2_000, ErrorCode.BAD_MESSAGE),
        (pack(ref=5), ErrorCode.BAD_MESSAGE),
        (pack(pinned="yes"), ErrorCode.BAD_MESSAGE),
        (pack(id="x" * 65), ErrorCode.BAD_MESSAGE),
        (pack(id=7), ErrorCode.BAD_MESSAGE),
        (pack(kind="no-such-kind"), ErrorCode.UNKNOWN_KIND),
        (pack(kind=None), ErrorCode.UNKNOWN_KIND),
        (pack(kind="recall"), ErrorCode.UNKNOWN_KIND),  # another actor's
        (pack(v=2), ErrorCode.BAD_VERSION),
        (pack(v=None), ErrorCode.BAD_VERSION),
        (b"\0" * (wire.MAX_FRAME + 1), ErrorCode.TOO_LARGE),
    ],
)
def test_what_is_no_message_is_refused_with_a_code(frame: bytes, code: ErrorCode) -> None:
    assert refusal(frame).code == code


def test_a_refusal_names_the_request_where_it_could_be_read() -> None:
    assert refusal(pack(ref=5)).request_id == "7"
    assert refusal(pack(kind="x")).request_id == "7"


def test_a_refusal_quotes_little_of_the_input() -> None:
    assert len(refusal(pack(kind="k" * 10_000)).reason) < 500
    assert len(refusal(b"\xc1" * 10_000).reason) < 500


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(frame: bytes) -> None:
    refusal(frame)


@given(st.data())
def test_a_damaged_message_is_refused_or_still_a_message(data: st.DataObject) -> None:
    frame = bytearray(pack(pinned=True))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        wire.decode(bytes(frame), wire.INBOX_KINDS[Actor.INGEST])
    except BadMessageReceived as error:
        assert error.code in set(ErrorCode)  # noqa: PT017  either outcome is right


def test_a_message_that_cannot_travel_is_our_own_fault() -> None:
    with pytest.raises(BadMessageSent):
        wire.encode(Pin(ref="x" * (wire.MAX_FRAME + 1)))
    with pytest.raises(BadMessageSent):
        wire.encode(Flushed(revision=1 << 70))
