"""Finished spans on their way out: a bounded queue, and the thread that posts it as OTLP."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from jobforge.chassis import metrics
from jobforge.chassis.otlp import SpanEncoder, rejected_spans
from jobforge.chassis.spans import FinishedSpan

QUEUE_LIMIT = 65_536
"""Spans waiting at most; what comes on top is dropped and counted."""
BATCH = 512
FLUSH_INTERVAL = 0.5
"""Seconds between exports."""
REQUEST_TIMEOUT = 5.0
RETRY_DELAYS = (0.25, 0.5, 1.0, 2.0)
"""Seconds between the tries of one batch; after the last it is dropped."""
_RETRYABLE_STATUS = frozenset({408, 429, 502, 503, 504})
_ENCODE_AT_ONCE = 64
"""Spans: about 0.5 ms in which the event loop may have to wait. Fewer cost more: each pause is a fight for the lock."""
_YIELD = 0.0002

log = logging.getLogger("jobforge.telemetry")


class SpanExporter:
    """Takes finished spans from any thread and posts them from its own."""

    def __init__(self, url: str, encoder: SpanEncoder, *, headers: Mapping[str, str] | None = None) -> None:
        self._encoder = encoder
        self._collector = _Collector(url, headers or {})
        self._queue: deque[FinishedSpan] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._deadline = float("inf")
        self._reachable = True
        self.dropped = 0

    def record(self, span: FinishedSpan) -> None:
        """Keep a span for the next export, or count it as dropped when the queue is full."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._drop(1)
            return
        self._queue.append(span)

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._deadline = float("inf")
            self._thread = threading.Thread(target=self._run, name="span-export", daemon=True)
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """Export what is queued, for at most ``timeout`` seconds, and end the thread; what is left is dropped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        # The thread gives up a little earlier than it is waited for, so that what it drops is counted.
        self._deadline = time.monotonic() + 0.9 * timeout
        self._stopping.set()
        thread.join(timeout)
        if self._queue:
            self._drop(len(self._queue))
            self._queue.clear()

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_INTERVAL):
            self._export_queued()
        self._export_queued()
        self._collector.close()

    def _export_queued(self) -> None:
        while self._queue and time.monotonic() < self._deadline:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            body = self._encode(batch)
            if not self._post(body):
                self._drop(len(batch))

    def _encode(self, batch: list[FinishedSpan]) -> bytes:
        parts: list[bytes] = []
        for first in range(0, len(batch), _ENCODE_AT_ONCE):
            parts.extend(map(self._encoder.span, batch[first : first + _ENCODE_AT_ONCE]))
            # A true sleep hands the interpreter lock over; without it the event loop would wait 5 ms for it.
            time.sleep(_YIELD)
        return self._encoder.request(parts)

    def _post(self, body: bytes) -> bool:
        for delay in (*RETRY_DELAYS, None):
            timeout = min(REQUEST_TIMEOUT, self._deadline - time.monotonic())
            if timeout <= 0:
                return False
            problem, again = self._try(body, timeout)
            if problem is None:
                self._note(reachable=True)
                return True
            if not again or delay is None:
                break
            if self._stopping.is_set():
                time.sleep(max(0.0, min(delay, self._deadline - time.monotonic())))
            else:
                self._stopping.wait(delay)
        self._note(reachable=False, problem=problem)
        return False

    def _try(self, body: bytes, timeout: float) -> tuple[str | None, bool]:
        """What went wrong, if anything, and whether another try may help."""
        try:
            status, answer = self._collector.post(body, timeout)
        except (OSError, HTTPException) as error:
            return f"{type(error).__name__}: {error}", True
        if status == 200:
            self._drop(rejected_spans(answer))
            return None, False
        return f"HTTP {status}", status in _RETRYABLE_STATUS

    def _drop(self, count: int) -> None:
        if count:
            self.dropped += count
            metrics.TELEMETRY_DROPPED_SPANS.inc(count)

    def _note(self, *, reachable: bool, problem: str | None = None) -> None:
        """Log once when the collector goes and once when it comes back."""
        if reachable == self._reachable:
            return
        self._reachable = reachable
        if reachable:
            log.info("telemetry.export_recovered")
        else:
            log.warning("telemetry.export_failed", extra={"problem": problem, "collector": self._collector.address})


class _Collector:
    """One kept-alive connection to an OTLP endpoint."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// address, not {url!r}")
        self.address = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        self._host, self._port = parts.hostname, parts.port
        self._connect: Callable[..., HTTPConnection] = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._path = parts.path.rstrip("/") + "/v1/traces"
        self._headers = {"Content-Type": "application/x-protobuf", **headers}
        self._connection: HTTPConnection | None = None

    def post(self, body: bytes, timeout: float) -> tuple[int, bytes]:
        """Status and body of the answer; raises ``OSError`` or ``HTTPException``."""
        connection = self._connection or self._connect(self._host, self._port)
        self._connection = connection
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request("POST", self._path, body, self._headers)
            answer: HTTPResponse = connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
