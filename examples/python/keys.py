"""The cache service: values under keys of the service's own.

    python3 keys.py 127.0.0.1:7432
"""

import decimal
import sys

from cistern import CisternError

from common import client_from_arguments


def main():
    with client_from_arguments() as client:
        client.set("product:42", {"name": "Café", "price": decimal.Decimal("12.50")}, ttl=300)
        print(f"  stored: {client.get('product:42')['price']}")
        print(f"  there: {client.exists('product:42')}, {client.exists('product:43')}")
        print(f"  kept longer: {client.expire('product:42', 600)}")
        for number in range(3):
            client.set(f"products:org:7:page:{number}", [], ttl=60)
        client.invalidate(pattern="products:org:7:*")
        print(f"  pages left: {sum(client.exists(f'products:org:7:page:{number}') for number in range(3))}")
        print(f"  deleted: {client.delete('product:42', 'product:43')}")
        print(f"  gone: {client.get('product:42', 'nothing')}")
        try:
            client.set("42", "a key without a namespace")
        except CisternError as error:
            print(f"  refused: {error.code}")


if __name__ == "__main__":
    sys.exit(main())
