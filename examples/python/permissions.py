"""A user's permissions and an organization's locals, read through the cache.

    python3 permissions.py 127.0.0.1:7432
"""

import sys

from common import client_from_arguments

PERMISSIONS = """
    SELECT DISTINCT p.code
    FROM user_roles AS u
    JOIN role_permissions AS r ON r.role_id = u.role_id
    JOIN permissions AS p ON p.id = r.permission_id
    WHERE u.user_id = $1
    ORDER BY p.code
"""
LOCALS = "SELECT id, name, city FROM locals WHERE organization_id = $1 AND is_active ORDER BY id"


def permissions_of(client, user_id):
    """The permissions, and where they came from. An empty set is cached like any other."""
    answer = client.query(PERMISSIONS, [user_id], ns="permissions", tags=[f"permissions:{user_id}"])
    return {row["code"] for row in answer.rows}, answer.source


def locals_of(client, organization_id):
    return client.query(LOCALS, [organization_id], ns="locals", tags=[f"org:{organization_id}:locals"])


def main():
    with client_from_arguments() as client:
        print("permissions")
        codes, source = permissions_of(client, 120)
        print(f"  user 120 may {', '.join(sorted(codes))} ({source})")
        print(f"  again: {permissions_of(client, 120)[1]}")
        client.query("DELETE FROM user_roles WHERE user_id = $1", [120])
        codes, source = permissions_of(client, 120)
        print(f"  without a role: {len(codes)} permissions ({source})")
        print(f"  again: {permissions_of(client, 120)[1]}")

        print("locals")
        answer = locals_of(client, 7)
        print(f"  organization 7 has {answer.row_count}, the first in {answer.row['city']} ({answer.source})")
        print(f"  kept for at most {round(answer.ttl_ms / 3600_000)} h; again: {locals_of(client, 7).source}")
        client.query("UPDATE locals SET is_active = false WHERE id = $1", [answer.row["id"]])
        print(f"  one was closed: {locals_of(client, 7).row_count}")


if __name__ == "__main__":
    sys.exit(main())
