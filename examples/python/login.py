"""Log in, stay, log out; and refresh tokens that are replaced when they are used.

    python3 login.py 127.0.0.1:7432
"""

import sys

from cistern import CisternError

from common import client_from_arguments


def main():
    with client_from_arguments() as client:
        print("log in")
        session, expires = client.create_session("user-42", {"name": "Ana", "cart": []})
        found = client.get_session(session)
        print(f"  {found['user_id']} is {found['data']['name']}, version {found['version']}")

        version = client.update_session(session, {"name": "Ana", "cart": ["V-000042-1"]}, version=found["version"])
        print(f"  version {version} has {client.get_session(session)['data']['cart']}")
        try:
            client.update_session(session, {}, version=found["version"])
        except CisternError as error:
            print(f"  an update from the old version: {error.code}")

        print("stay")
        print(f"  extended: {client.extend_session(session) >= expires}")
        client.create_session("user-42", {"name": "Ana", "on": "the telephone"})
        print(f"  sessions: {len(client.list_sessions('user-42'))}")

        print("log out")
        print(f"  deleted: {client.delete_session(session)}; found: {client.get_session(session) is not None}")
        print(f"  everywhere: {client.delete_user_sessions('user-42')} deleted")

        print("refresh tokens")
        first, _ = client.create_session("user-42", {"device": "telephone"}, kind="refresh_tokens")
        second = client.rotate_session(first)["session_id"]
        print(f"  the new token works: {client.get_session(second)['data']['device']}")
        print(f"  the old one does not: {client.get_session(first)}")
        again = client.rotate_session(first)
        print(f"  used twice: rotated {again['rotated']}, reused {again['reused']}")
        print(f"  so the session has ended: {client.get_session(second)}")


if __name__ == "__main__":
    sys.exit(main())
