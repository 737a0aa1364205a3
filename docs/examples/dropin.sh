#!/bin/sh
# Order as TrepStar's gateway takes it, then ask how it is. LOGIN and PASSWORD are the account's, or
# PASSWORD an API token.
set -eu
curl --silent --show-error --fail-with-body "$DESK/custdata.asp" \
  --data-urlencode "source=cdfulfill" --data-urlencode "ordermethod=url" \
  --data-urlencode "CoLoginEmail=$LOGIN" --data-urlencode "CoLoginPassword=$PASSWORD" \
  --data-urlencode "productid=$PRODUCT" --data-urlencode "quantity=1" \
  --data-urlencode "Invoice=A-1001" --data-urlencode "typeMailMethod=standard" \
  --data-urlencode "mode=prod" --data-urlencode "email=ana@example.com" \
  --data-urlencode "name=Ana Smith" --data-urlencode "addr=12 Harbour Street" \
  --data-urlencode "city=Portland" --data-urlencode "st=ME" --data-urlencode "zip=04101" \
  --data-urlencode "country=US"
curl --silent --show-error --fail-with-body "$DESK/custdataXML.asp" \
  --data-urlencode "function=getOrderStatusByInvoice" \
  --data-urlencode "CoLoginEmail=$LOGIN" --data-urlencode "CoLoginPassword=$PASSWORD" \
  --data-urlencode "Invoice=A-1001"
