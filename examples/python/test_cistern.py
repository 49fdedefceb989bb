"""What cistern.py does without a server: python3 -m unittest test_cistern"""

import decimal
import json
import socket
import threading
import unittest
import uuid

import cistern


class Server:
    """Answers each line with what `respond` makes of the request; None hangs up."""

    def __init__(self, respond):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._respond = respond
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                answer = self._respond(json.loads(line), line)
                if answer is None:
                    return
                connection.sendall(answer if isinstance(answer, bytes) else (json.dumps(answer) + "\n").encode())

    def close(self):
        self._listener.close()


class ClientTests(unittest.TestCase):
    def server(self, respond):
        server = Server(respond)
        self.addCleanup(server.close)
        return server

    def test_numbers_keep_their_digits(self):
        seen = []

        def respond(request, line):
            seen.append(line.decode())
            return b'{"id":%d,"ok":true,"found":true,"value":0.1000000000000000000000000001}\n' % request["id"]

        server = self.server(respond)
        with cistern.Client(port=server.port) as client:
            client.set("k:1", decimal.Decimal("12345678901234567890.123456789"))
            self.assertEqual(client.get("k:1"), decimal.Decimal("0.1000000000000000000000000001"))
        self.assertIn('"value":12345678901234567890.123456789', seen[0])

    def test_none_is_a_value_to_store_and_fields_that_are_none_are_left_out(self):
        seen = []

        def respond(request, _):
            seen.append(request)
            return {"id": request["id"], "ok": True, "stored": True}

        server = self.server(respond)
        with cistern.Client(port=server.port) as client:
            client.set("k:1", None)
        self.assertEqual(seen, [{"id": 1, "op": "set", "key": "k:1", "value": None}])

    def test_errors_carry_what_the_server_said(self):
        error = {"code": "sql_error", "message": "no", "sqlstate": "42P01", "position": 3}
        server = self.server(lambda request, _: {"id": request["id"], "ok": False, "error": error})
        with cistern.Client(port=server.port) as client:
            with self.assertRaises(cistern.CisternError) as caught:
                client.query("SELECT")
        self.assertEqual((caught.exception.code, caught.exception.sqlstate, caught.exception.position), ("sql_error", "42P01", 3))

    def test_a_lost_connection_is_an_error_and_the_next_request_connects_anew(self):
        calls = []

        def respond(request, _):
            calls.append(request)
            return None if len(calls) == 1 else {"id": request["id"], "ok": True, "pong": True}

        server = self.server(respond)
        with cistern.Client(port=server.port) as client:
            with self.assertRaises(cistern.CisternError) as caught:
                client.ping()
            self.assertEqual(caught.exception.code, "connection_lost")
            self.assertTrue(caught.exception.may_have_been_done)
            self.assertTrue(client.ping())
        self.assertEqual(server.connections, 2)

    def test_an_answer_that_is_late_is_not_given_to_the_next_request(self):
        release = threading.Event()

        def respond(request, _):
            if request["key"] == "k:slow":
                release.wait(10)
            return {"id": request["id"], "ok": True, "found": True, "value": request["key"]}

        server = self.server(respond)
        with cistern.Client(port=server.port, timeout=0.2) as client:
            with self.assertRaises(cistern.CisternError) as caught:
                client.get("k:slow")
            self.assertEqual(caught.exception.code, "no_answer")
            release.set()
            self.assertEqual(client.get("k:next"), "k:next")

    def test_another_requests_answer_is_an_error(self):
        server = self.server(lambda request, _: {"id": request["id"] + 1, "ok": True, "pong": True})
        with cistern.Client(port=server.port) as client:
            with self.assertRaises(cistern.CisternError) as caught:
                client.ping()
        self.assertEqual(caught.exception.code, "bad_answer")

    def test_what_is_no_answer_is_an_error(self):
        for line in (b"nonsense\n", b"[]\n", b"{}\n", b'{"ok":false,"error":{"code":"overloaded","message":"full"}}\n'):
            server = self.server(lambda request, _, line=line: line)
            with cistern.Client(port=server.port) as client:
                with self.assertRaises(cistern.CisternError) as caught:
                    client.ping()
            self.assertIn(caught.exception.code, ("bad_answer", "overloaded"))

    def test_nobody_listening_is_told(self):
        with self.assertRaises(cistern.CisternError) as caught:
            cistern.Client(port=1).ping()
        self.assertEqual(caught.exception.code, "unreachable")

    def test_values_are_written_as_postgresql_reads_them(self):
        self.assertEqual(cistern._dumps([b"Hi\n", float("nan"), 0.5, True, None, "é"]), '["\\\\x48690a","nan",0.5,true,null,"é"]')
        self.assertEqual(cistern._dumps({"a": (1, decimal.Decimal("1E+3"))}), '{"a":[1,1E+3]}')
        self.assertEqual(cistern._dumps(uuid.UUID(int=0)), '"00000000-0000-0000-0000-000000000000"')


if __name__ == "__main__":
    unittest.main()
