<?php
// The web site as the host itself sees it. TLS is verified, redirects are followed and another host
// that they lead to is told, and caches are asked not to answer.
function ixporch_get($url, $peer = null)
{
    $parts = parse_url($url);
    $headers = ['Cache-Control: no-cache', 'Pragma: no-cache', 'User-Agent: ixporch', 'Connection: close'];
    $options = ['http' => ['timeout' => (int) getenv('ANSWER_TIMEOUT') ?: 20, 'ignore_errors' => true, 'follow_location' => 1, 'max_redirects' => 6, 'protocol_version' => 1.1]];
    if ($peer !== null) {
        $headers[] = "Host: $peer";
        $options['ssl'] = ['peer_name' => $peer];
    }
    $options['http']['header'] = $headers;
    $stream = @fopen($url, 'r', false, stream_context_create($options));
    if (!$stream) {
        $why = error_get_last();
        return ['status' => 0, 'body' => '', 'elsewhere' => '', 'why' => $why ? preg_replace('~^fopen\([^)]*\): ~', '', $why['message']) : 'no answer'];
    }
    $lines = stream_get_meta_data($stream)['wrapper_data'];
    $lines = isset($lines['headers']) ? $lines['headers'] : $lines;
    $status = 0;
    $elsewhere = '';
    $own = $peer !== null ? $peer : $parts['host'];
    foreach ($lines as $line) {
        if (preg_match('~^HTTP/\S+ (\d+)~', $line, $match)) {
            $status = (int) $match[1];
        } elseif ($status >= 300 && $status < 400 && preg_match('~^Location:\s*(\S+)~i', $line, $match)) {
            $host = parse_url($match[1], PHP_URL_HOST);
            $elsewhere = is_string($host) && strcasecmp($host, $own) !== 0 ? $host : $elsewhere;
        }
    }
    return ['status' => $status, 'elsewhere' => $elsewhere, 'body' => (string) stream_get_contents($stream, 4194304), 'why' => ''];
}

// The same; where the host cannot reach its own address from within, its web server is asked on the loopback.
function ixporch_site($path)
{
    static $unreached = null;
    $url = rtrim((string) getenv('URL'), '/') . $path;
    // Who looks only once does not wait for the same address again.
    $answer = $unreached !== null && getenv('ANSWER_TIMEOUT') !== false ? $unreached : ixporch_get($url);
    if ($answer['status'] !== 0) {
        return $answer;
    }
    $unreached = $answer;
    $parts = parse_url($url);
    $port = isset($parts['port']) ? ":$parts[port]" : '';
    $here = "$parts[scheme]://127.0.0.1$port" . (isset($parts['path']) ? $parts['path'] : '/');
    $again = ixporch_get($here, $parts['host']);
    return $again['status'] !== 0 ? $again : $answer;
}

// Tries until $look has found nothing wrong so often in a row as is wanted; gives what is wrong, or nothing.
function ixporch_until_well(callable $look)
{
    $until = time() + (int) getenv('HEALTH_TIMEOUT');
    $wanted = max(1, (int) getenv('HEALTH_SUCCESSES'));
    $good = 0;
    while (true) {
        $trouble = $look();
        $good = $trouble === '' ? $good + 1 : 0;
        if ($good === $wanted) {
            return '';
        }
        if (time() >= $until) {
            return $trouble === '' ? "it was well only $good times in a row" : $trouble;
        }
        sleep(1);
    }
}

function ixporch_installed_version()
{
    foreach (['version.php', 'library/IXP/Version.php'] as $file) {
        if (preg_match("~define\(\s*'APPLICATION_VERSION',\s*'([^']+)'~", (string) @file_get_contents($file), $match)) {
            return $match[1];
        }
    }
    return '';
}
