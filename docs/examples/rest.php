<?php
// Make an order and read it again. DESK is the desk's address, TOKEN an API token, SKU a SKU.
function ask(string $method, string $path, ?array $body = null, array $more = []): array
{
    $request = curl_init(getenv('DESK') . '/api/v1/' . $path);
    curl_setopt_array($request, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
        CURLOPT_HTTPHEADER => array_merge(
            ['Authorization: Bearer ' . getenv('TOKEN'), 'Content-Type: application/json'],
            $more
        ),
    ]);
    if ($body !== null) {
        curl_setopt($request, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $text = curl_exec($request);
    $answer = $text === false ? null : json_decode($text, true);
    if ($answer === null || curl_getinfo($request, CURLINFO_RESPONSE_CODE) >= 400) {
        fwrite(STDERR, ($answer['detail'] ?? curl_error($request)) . "\n");
        exit(1);
    }
    return $answer;
}

$order = [
    'reference' => 'A-1001', 'name' => 'Ana Smith', 'address' => '12 Harbour Street',
    'city' => 'Portland', 'state' => 'ME', 'zip' => '04101', 'country' => 'US',
    'lines' => [['sku' => getenv('SKU'), 'quantity' => 1]],
];
// The key is your own, and the same when you repeat the request.
$made = ask('POST', 'orders/', $order, ['Idempotency-Key: order-A-1001']);
$invoice = $made['orders'][0]['invoice'];
echo $invoice, ' ', ask('GET', "orders/$invoice/")['status'], "\n";
