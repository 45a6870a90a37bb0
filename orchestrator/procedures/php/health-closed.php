<?php
// uses: http.php
// While the site is closed: the URL is that of this host only where it says so.
$trouble = ixporch_until_well(function () {
    $answer = ixporch_site('/');
    if ($answer['elsewhere'] !== '') {
        return "redirected to another host, $answer[elsewhere]: url must name this one";
    }
    if ($answer['status'] === 503) {
        return '';
    }
    return $answer['status'] === 0 ? "no answer: $answer[why]" : "HTTP status $answer[status], and 503 is what a closed site answers";
});
if ($trouble !== '') {
    fwrite(STDERR, getenv('URL') . ": $trouble\nis it the address of this host? does a proxy answer in its place?\n");
    exit(1);
}
