<?php
// uses: http.php
// What is wrong with the site; nothing where it is well.
function ixporch_trouble_of_site($version)
{
    $ping = ixporch_site('/api/v4/ping');
    if ($ping['status'] === 0) {
        return "no answer: $ping[why]";
    }
    if ($ping['elsewhere'] !== '') {
        return "/api/v4/ping: redirected to another host, $ping[elsewhere]";
    }
    if ($ping['status'] === 404 && version_compare($version, '4.7.3', '>=')) {
        return '/api/v4/ping: HTTP status 404, and this release has it';
    }
    if ($ping['status'] !== 404) {
        $said = json_decode($ping['body'], true);
        if ($ping['status'] !== 200 || !is_array($said)) {
            return "/api/v4/ping: HTTP status $ping[status]" . ($ping['status'] === 200 ? ', and no JSON' : '');
        }
        if (isset($said['version']) && $version !== '' && $said['version'] !== $version) {
            return "/api/v4/ping says version $said[version], and $version is installed";
        }
    }
    foreach (['/login', '/'] as $path) {
        $page = ixporch_site($path);
        if ($page['status'] !== 404) {
            break;
        }
    }
    if ($page['elsewhere'] !== '') {
        return "$path: redirected to another host, $page[elsewhere]";
    }
    if ($page['status'] !== 200) {
        return "$path: HTTP status $page[status]";
    }
    if (trim($page['body']) === '') {
        return "$path: an empty page";
    }
    return strpos($page['body'], 'Whoops') !== false ? "$path: the application broke (\"Whoops\")" : '';
}
