<?php
// The web site: 503 in maintenance, else one line with the version and the customers, which needs the database,
// the metadata cache and the composer packages.

if (is_file(__DIR__ . '/../storage/framework/down')) {
    http_response_code(503);
    header('Retry-After: 60');
    echo "Be right back.\n";
    exit;
}

try {
    require __DIR__ . '/../app/bootstrap.php';
    $customers = App\Kernel::entityManager()->createQuery('SELECT c FROM Entities\\Customer c')->getResult();
    header('Content-Type: text/plain');
    printf("IXP Manager V%s customers=%d\n", APPLICATION_VERSION, count($customers));
} catch (Throwable $error) {
    http_response_code(500);
    echo 'Whoops: ', get_class($error), ': ', $error->getMessage(), "\n";
}
