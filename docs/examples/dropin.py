"""Order as TrepStar's gateway takes it, then ask how it is.

LOGIN and PASSWORD are the account's; PASSWORD may be an API token instead.
"""

import os
import sys

import requests

DESK = os.environ["DESK"]
login = {"CoLoginEmail": os.environ["LOGIN"], "CoLoginPassword": os.environ["PASSWORD"]}
order = {
    "source": "cdfulfill",
    "ordermethod": "url",
    "productid": os.environ["PRODUCT"],
    "quantity": "1",
    "Invoice": "A-1001",
    "typeMailMethod": "standard",
    "mode": "prod",
    "email": "ana@example.com",
    "name": "Ana Smith",
    "addr": "12 Harbour Street",
    "city": "Portland",
    "st": "ME",
    "zip": "04101",
    "country": "US",
}
answer = requests.post(f"{DESK}/custdata.asp", data=login | order, timeout=30)
print(answer.text)
if "[SUCCESS]" not in answer.text:
    sys.exit(1)

question = {"function": "getOrderStatusByInvoice", "Invoice": "A-1001"}
print(requests.post(f"{DESK}/custdataXML.asp", data=login | question, timeout=30).text)
