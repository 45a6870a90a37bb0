<?php
// The web site: 503 in maintenance, /api/v4/ping, else one line with the version and the customers, which needs the database,
// the metadata cache and the composer packages.

if (is_file(__DIR__ . '/../storage/framework/down')) {
    http_response_code(503);
    header('Retry-After: 60');
    echo "Be right back.\n";
    exit;
}

try {
    require __DIR__ . '/../app/bootstrap.php';
    $path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
    // The real one has it since v4.7.3; here the last release does.
    if ($path === '/api/v4/ping') {
        $has_ping = version_compare(APPLICATION_VERSION, '4.6.0', '>=');
        http_response_code($has_ping ? 200 : 404);
        header('Content-Type: application/json');
        echo $has_ping ? json_encode(['software' => 'IXP Manager', 'version' => APPLICATION_VERSION]) : 'not found';
        exit;
    }
    $customers = App\Kernel::entityManager()->createQuery('SELECT c FROM Entities\\Customer c')->getResult();
    header('Content-Type: text/plain');
    printf("IXP Manager V%s customers=%d\n", APPLICATION_VERSION, count($customers));
} catch (Throwable $error) {
    http_response_code(500);
    echo 'Whoops: ', get_class($error), ': ', $error->getMessage(), "\n";
}
