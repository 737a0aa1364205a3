<?php
// Order as TrepStar's gateway takes it, then ask how it is. LOGIN and PASSWORD are the account's, or
// PASSWORD an API token.
function post(string $page, array $fields): string
{
    $login = ['CoLoginEmail' => getenv('LOGIN'), 'CoLoginPassword' => getenv('PASSWORD')];
    $request = curl_init(getenv('DESK') . $page);
    curl_setopt_array($request, [
        CURLOPT_POSTFIELDS => http_build_query($login + $fields),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
    ]);
    return (string) curl_exec($request);
}

$answer = post('/custdata.asp', [
    'source' => 'cdfulfill', 'ordermethod' => 'url', 'productid' => getenv('PRODUCT'),
    'quantity' => '1', 'Invoice' => 'A-1001', 'typeMailMethod' => 'standard', 'mode' => 'prod',
    'email' => 'ana@example.com', 'name' => 'Ana Smith', 'addr' => '12 Harbour Street',
    'city' => 'Portland', 'st' => 'ME', 'zip' => '04101', 'country' => 'US',
]);
echo $answer;
if (strpos($answer, '[SUCCESS]') === false) {
    exit(1);
}
echo post('/custdataXML.asp', ['function' => 'getOrderStatusByInvoice', 'Invoice' => 'A-1001']);
