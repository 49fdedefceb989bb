"""A client for Cistern in one file, with nothing but the standard library.

    from cistern import Client

    with Client("127.0.0.1", 7432) as client:
        answer = client.query("SELECT id, name, base_price FROM products WHERE id = $1", [42])
        answer.rows       # [{'id': 42, 'name': 'Café', 'base_price': Decimal('12.50')}]
        answer.source     # 'memory', 'redis', 'miss', 'shared', 'stale' or 'bypass'

Numbers with a fraction are Decimal both ways, so that no digit is lost. A client is one connection; it may be used from
several threads, one request at a time, and connects anew when the connection was lost.
"""

import datetime
import decimal
import json
import socket
import ssl
import threading
import uuid


class CisternError(Exception):
    """The server refused, or could not be asked.

    `code` is the protocol's (`sql_error`, `timeout`, `conflict` …), or `unreachable`, `connection_lost`, `no_answer`,
    `bad_answer` where the request got no answer. `sqlstate`, `detail`, `hint`, `position` and `statement` are None where
    the server gave none.
    """

    def __init__(self, code, message, **details):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        for name in ("sqlstate", "detail", "hint", "position", "statement"):
            setattr(self, name, details.get(name))

    @property
    def may_have_been_done(self):
        """Whether the server may have done what was asked although no answer came."""
        return self.code in ("connection_lost", "no_answer", "bad_answer")


class Answer:
    """The answer to a statement: `rows` (dictionaries by column name), `columns`, `row_count`, `source`, `reason`,
    `age_ms`, `ttl_ms`, `command`, `invalidated`, `refreshed`."""

    def __init__(self, fields):
        self.source = fields["cache"]
        self.reason = fields.get("reason")
        self.age_ms = fields.get("age_ms")
        self.ttl_ms = fields.get("ttl_ms")
        self.columns = fields["columns"]
        self.values = fields["rows"]
        self.row_count = fields["row_count"]
        self.command = fields.get("command")
        self.invalidated = fields.get("invalidated")
        self.refreshed = [Answer(one) if one["ok"] else _error(one) for one in fields.get("refreshed", [])]

    @property
    def rows(self):
        names = [column["name"] for column in self.columns]
        return [dict(zip(names, row)) for row in self.values]

    @property
    def row(self):
        """The first row, or None."""
        return next(iter(self.rows), None)


class Client:
    """One connection to a Cistern server.

    `timeout` is in seconds, for connecting and for each answer. `tls` is True, or an ssl.SSLContext.
    """

    def __init__(self, host="127.0.0.1", port=7432, *, user=None, password=None, timeout=35.0, tls=None):
        self._address = (host, port)
        self._credentials = (user, password)
        self._timeout = timeout
        self._tls = ssl.create_default_context() if tls is True else tls
        self._lock = threading.Lock()
        self._socket = None
        self._lines = None
        self._number = 0

    def __enter__(self):
        with self._lock:
            self._connect()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with self._lock:
            self._disconnect()

    # Statements

    def query(self, sql, params=(), **options):
        """Runs a statement.

        Options are the protocol's: ns, tags, ttl, max_age_ms, consistency, cache, timeout_ms, settings; with a statement
        that writes, invalidate and refresh.
        """
        return Answer(self.ask("query", sql=sql, params=list(params) or None, **options))

    def transaction(self, statements, **options):
        """Runs statements, each a string or a pair of a string and its parameters, all or nothing.

        Options: isolation, settings, timeout_ms, invalidate, refresh. Returns the list of answers.
        """
        listed = [{"sql": one} if isinstance(one, str) else {"sql": one[0], "params": list(one[1])} for one in statements]
        return [Answer(one) for one in self.ask("transaction", statements=listed, **options)["results"]]

    def explain(self, sql, params=(), **options):
        return self.ask("explain", sql=sql, params=list(params) or None, **options)

    def invalidate(self, **names):
        """Drops by tags, pattern, ns, tables, keys, or all=True; reason is for those who read the channel."""
        return self.ask("invalidate", **names)["invalidated"]

    # The cache service

    def get(self, key, default=None):
        """The value of a key, or `default` where nothing is stored (or Redis is away)."""
        answer = self.ask("get", key=key)
        return answer["value"] if answer["found"] else default

    def set(self, key, value, ttl=None):
        self.ask("set", key=key, value=_Present(value), ttl=ttl)

    def delete(self, *keys):
        return self.ask("delete", keys=list(keys))["deleted"]

    def exists(self, key):
        return self.ask("exists", key=key)["exists"]

    def expire(self, key, ttl):
        return self.ask("expire", key=key, ttl=ttl)["updated"]

    # Sessions

    def create_session(self, user_id, data=None, ttl=None, kind=None):
        answer = self.ask("session.create", user_id=user_id, data=data, ttl=ttl, kind=kind)
        return answer["session_id"], answer["expires_at"]

    def get_session(self, session_id):
        answer = self.ask("session.get", session_id=session_id)
        return answer["session"] if answer["found"] else None

    def update_session(self, session_id, data, version=None):
        """The new version, or None where there is no such session.

        With `version` it is refused (`conflict`) if there was another update meanwhile.
        """
        answer = self.ask("session.update", session_id=session_id, data=_Present(data), version=version)
        return answer["version"] if answer["updated"] else None

    def extend_session(self, session_id, ttl=None):
        """When the session ends now, or None where there is none."""
        answer = self.ask("session.extend", session_id=session_id, ttl=ttl)
        return answer["expires_at"] if answer["extended"] else None

    def delete_session(self, session_id):
        return self.ask("session.delete", session_id=session_id)["deleted"]

    def list_sessions(self, user_id):
        return self.ask("session.list", user_id=user_id)["sessions"]

    def delete_user_sessions(self, user_id):
        return self.ask("session.delete_user", user_id=user_id)["deleted"]

    def rotate_session(self, session_id):
        """Replaces an id by a new one: `rotated` is true, and `session_id` and `expires_at` are there.

        Where `rotated` is false there is no such session; `reused` then tells whether the id had been replaced before, so
        that somebody else may hold its successor. The session has then been ended.
        """
        return self.ask("session.rotate", session_id=session_id)

    # The server

    def ping(self):
        return self.ask("ping")["pong"]

    def hello(self):
        return self.ask("hello")

    def stats(self):
        return self.ask("stats")

    def ask(self, op, **fields):
        """Sends an operation with those of its fields that are not None, and returns the answer's members.

        Raises CisternError.
        """
        with self._lock:
            # What was not sent can be sent again; what was sent is not.
            if self._socket is None:
                self._connect()
            return self._exchange(op, fields)

    # The connection

    def _connect(self):
        try:
            connection = socket.create_connection(self._address, timeout=self._timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
        except OSError as error:
            host, port = self._address
            raise CisternError("unreachable", f"no Cistern server can be reached at {host}:{port}: {error}") from None
        self._socket = connection
        self._lines = connection.makefile("rb")
        user, password = self._credentials
        if user is not None and self._exchange("hello", {}).get("auth_required"):
            self._exchange("auth", {"user": user, "password": password})

    def _disconnect(self):
        if self._socket is not None:
            self._lines.close()
            self._socket.close()
            self._socket = None

    def _exchange(self, op, fields):
        self._number += 1
        request = {"id": self._number, "op": op}
        request.update((name, value) for name, value in fields.items() if value is not None)
        line = _dumps(request) + "\n"
        try:
            self._socket.sendall(line.encode())
            text = self._lines.readline()
        except TimeoutError:
            # Its answer may still come: this connection cannot be used for another request.
            self._disconnect()
            raise CisternError("no_answer", f"no answer came within {self._timeout} s") from None
        except OSError as error:
            self._disconnect()
            raise CisternError("connection_lost", f"the connection failed: {error}") from None
        if not text.endswith(b"\n"):
            self._disconnect()
            raise CisternError("connection_lost", "the server closed the connection")
        return self._read(text)

    def _read(self, text):
        try:
            answer = json.loads(text, parse_float=decimal.Decimal)
            ok = answer["ok"]
        except (ValueError, KeyError, TypeError):
            self._disconnect()
            raise CisternError("bad_answer", "the server's answer is not of the protocol") from None
        if not ok and "id" not in answer:
            # Said without being asked, before the server hangs up.
            self._disconnect()
            raise _error(answer)
        if answer.get("id") != self._number:
            self._disconnect()
            raise CisternError("bad_answer", "the server answered another request")
        if not ok:
            raise _error(answer)
        return answer


class _Present:
    """A value that is sent although it may be None."""

    def __init__(self, value):
        self.value = value


def _error(answer):
    error = dict(answer["error"])
    return CisternError(error.pop("code"), error.pop("message", ""), **error)


def _dumps(value):
    """JSON without loss: the standard library's writer knows no Decimal."""
    if isinstance(value, _Present):
        return _dumps(value.value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{_dumps(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ",".join(_dumps(one) for one in value) + "]"
    if isinstance(value, decimal.Decimal):
        return str(value) if value.is_finite() else json.dumps(str(value))
    if isinstance(value, float):
        return json.dumps(value if value == value and abs(value) != float("inf") else str(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return json.dumps(value.isoformat())
    if isinstance(value, uuid.UUID):
        return json.dumps(str(value))
    if isinstance(value, (bytes, bytearray)):
        return json.dumps("\\x" + value.hex())
    return json.dumps(value, ensure_ascii=False)
