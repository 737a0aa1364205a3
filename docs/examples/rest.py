"""Make an order and read it again. DESK is the desk's address, TOKEN an API token, SKU a SKU."""

import os
import sys

import requests

DESK, SKU = os.environ["DESK"], os.environ["SKU"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"

order = {
    "reference": "A-1001",
    "name": "Ana Smith",
    "address": "12 Harbour Street",
    "city": "Portland",
    "state": "ME",
    "zip": "04101",
    "country": "US",
    "lines": [{"sku": SKU, "quantity": 1}],
}
answer = session.post(
    f"{DESK}/api/v1/orders/",
    json=order,
    headers={"Idempotency-Key": "order-A-1001"},  # the same when you repeat the request
    timeout=30,
)
if not answer.ok:
    sys.exit(answer.json()["detail"])
invoice = answer.json()["orders"][0]["invoice"]

found = session.get(f"{DESK}/api/v1/orders/{invoice}/", timeout=30)
print(invoice, found.json()["status"], found.headers["ETag"])
