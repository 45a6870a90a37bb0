<?php
// uses: http.php, site-trouble.php
// The site is open: it answers, with the version that is installed, and without the page of an application that broke.
$version = ixporch_installed_version();
$trouble = ixporch_until_well(function () use ($version) {
    return ixporch_trouble_of_site($version);
});
if ($trouble !== '') {
    fwrite(STDERR, getenv('URL') . ": $trouble\n");
    exit(1);
}
echo "version $version\n";
