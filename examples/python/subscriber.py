"""Another service, with a cache of its own in its memory, that hears on Redis what has become stale.

    python3 subscriber.py 127.0.0.1:7432 redis://127.0.0.1:6379/0

The few lines of RESP stand for any Redis client.
"""

import fnmatch
import json
import socket
import sys
from urllib.parse import urlsplit

from cistern import Client

from common import address


class Subscription:
    """Messages of one Redis channel. For a Redis without a password."""

    def __init__(self, url, channel):
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 6379), timeout=10)
        self._replies = self._socket.makefile("rb")
        name = channel.encode()
        self._socket.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n" % (len(name), name))
        if self._read()[0] != b"subscribe":
            raise ConnectionError("Redis did not subscribe")

    def messages(self):
        while True:
            kind, _, payload = self._read()
            if kind == b"message":
                yield payload

    def close(self):
        self._replies.close()
        self._socket.close()

    def _read(self):
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self._replies.read(int(rest) + 2)[:-2]
        if kind == b":":
            return int(rest)
        raise ConnectionError(f"Redis said {line!r}")


def main():
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} HOST:PORT REDIS-URL [CHANNEL]")
    channel = sys.argv[3] if len(sys.argv) > 3 else "cache_invalidation"
    own = {"product:42": "a rendered page", "product:43": "another", "products:org:7": "a list"}
    subscription = Subscription(sys.argv[2], channel)
    with Client(*address(sys.argv[1])) as client:
        client.query(
            "UPDATE products SET base_price = base_price + 1 WHERE id = $1", [42], invalidate=["product:42"]
        )
        client.invalidate(pattern="products:org:*", reason="price_updated")
        awaited = {"product:42", "products:org:*"}
        for payload in subscription.messages():
            message = json.loads(payload)
            pattern = message.get("pattern")
            # What begins so is for Cistern's own processes: heartbeats, and writes of which other services hold nothing.
            if pattern is None or pattern.startswith("cistern:"):
                continue
            gone = sorted(key for key in own if fnmatch.fnmatchcase(key, pattern))
            for key in gone:
                del own[key]
            print(f"  {pattern}: dropped {', '.join(gone)} ({message.get('reason') or 'a write'})")
            awaited.discard(pattern)
            if not awaited:
                break
    subscription.close()
    print(f"  kept: {', '.join(own)}")


if __name__ == "__main__":
    sys.exit(main())
