"""What the examples share: where the server is, and how answers are shown."""

import sys

from cistern import Client


def address(argument):
    host, _, port = argument.rpartition(":")
    return host.strip("[]"), int(port)


def client_from_arguments():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} HOST:PORT")
    return Client(*address(sys.argv[1]))


def show(answer):
    """Each row, and where it came from."""
    for row in answer.rows:
        print(f"  {', '.join(f'{name}={value}' for name, value in row.items())}")
    print(f"  ({answer.row_count} from {answer.source})")
