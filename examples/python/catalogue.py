"""Products: cache-aside, write-through, deletion with what depends on it.

    python3 catalogue.py 127.0.0.1:7432
"""

import sys

from cistern import CisternError

from common import client_from_arguments, show

PRODUCT = "SELECT id, organization_id, name, base_price FROM products WHERE id = $1"
LIST = "SELECT id, name FROM products WHERE organization_id = $1 AND is_active ORDER BY id LIMIT 3"


def get_product(client, product_id):
    """Cache-aside: the proxy looks in the cache, asks PostgreSQL if it must, and stores what it says."""
    return client.query(PRODUCT, [product_id], ns="products", tags=[f"product:{product_id}"])


def list_products(client, organization_id):
    return client.query(LIST, [organization_id], ns="products", tags=[f"products:org:{organization_id}"])


def update_price(client, product_id, price):
    """Write-through: right after the COMMIT the product is read and stored again."""
    return client.query(
        "UPDATE products SET base_price = $2 WHERE id = $1",
        [product_id, price],
        refresh=[{"sql": PRODUCT, "params": [product_id], "ns": "products", "tags": [f"product:{product_id}"]}],
    )


def delete_product(client, product_id):
    """Every entry that read the table goes; the tags tell other services which keys of theirs are gone too."""
    return client.query(
        "DELETE FROM products WHERE id = $1", [product_id], invalidate=[f"product:{product_id}", "products:org:*"]
    )


def main():
    with client_from_arguments() as client:
        print("cache-aside")
        show(get_product(client, 42))
        show(get_product(client, 42))

        print("write-through")
        answer = update_price(client, 42, "399.90")
        print(f"  {answer.command} {answer.row_count}: {', '.join(answer.invalidated['tables'])}")
        show(get_product(client, 42))

        print("deletion")
        show(list_products(client, 7))
        answer = delete_product(client, 7)
        print(f"  {answer.command} {answer.row_count}: {', '.join(answer.invalidated['tables'])}")
        show(list_products(client, 7))
        print(f"  product 7: {get_product(client, 7).row}")

        print("an error")
        try:
            client.query("SELECT nme FROM products")
        except CisternError as error:
            print(f"  {error.code} {error.sqlstate}: {error.message}")


if __name__ == "__main__":
    sys.exit(main())
