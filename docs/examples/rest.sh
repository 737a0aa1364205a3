#!/bin/sh
# Make an order and read it again. DESK is the desk's address, TOKEN an API token, SKU a known SKU.
set -eu
KEY=${KEY:-order-A-1001}   # your own, the same when you repeat the request

curl --silent --show-error --fail-with-body "$DESK/api/v1/orders/" \
  --header "Authorization: Bearer $TOKEN" \
  --header "Content-Type: application/json" \
  --header "Idempotency-Key: $KEY" \
  --data '{"reference": "A-1001", "name": "Ana Smith", "address": "12 Harbour Street",
           "city": "Portland", "state": "ME", "zip": "04101", "country": "US",
           "lines": [{"sku": "'"$SKU"'", "quantity": 1}]}'
echo
curl --silent --show-error --fail-with-body "$DESK/api/v1/orders/?reference=A-1001&fields=invoice,status" \
  --header "Authorization: Bearer $TOKEN"
