<?php
// uses: tell.php
// What the preflight asks about PHP: that of the command line, and that of the web server.

// The versions of PHP that a web server has: those of the pools that run, and of Apache's module.
function ixporch_web_versions()
{
    $versions = [];
    foreach ((array) glob('/proc/[0-9]*/cmdline') as $file) {
        if (preg_match('~^php-fpm: master process \(.*?/(\d+\.\d+)/~', (string) @file_get_contents($file), $match)) {
            $versions[$match[1]] = true;
        }
    }
    foreach ((array) glob('/etc/apache2/mods-enabled/php*.load') as $file) {
        $versions[preg_replace('~[^\d.]~', '', basename($file, '.load'))] = true;
    }
    return array_keys($versions);
}

// Extensions that the command line loads and a web server of the same PHP does not, as Debian configures them: 'fpm name'.
function ixporch_web_lacks()
{
    $names = function ($interface) {
        $files = (array) glob('/etc/php/' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION . "/$interface/conf.d/*.ini");
        return preg_replace('~^\d+-|\.ini$~', '', array_map('basename', $files));
    };
    $lacks = [];
    foreach (['fpm', 'apache2'] as $interface) {
        $there = $names($interface);
        foreach ($there ? array_diff($names('cli'), $there) : [] as $name) {
            $lacks[] = "$interface $name";
        }
    }
    return $lacks;
}

// Where a web server's PHP is told to keep compiled code whatever becomes of its files.
function ixporch_kept_code()
{
    $files = array_merge((array) glob('/etc/php/*/{fpm,apache2}/php.ini', GLOB_BRACE), (array) glob('/etc/php/*/{fpm,apache2}/conf.d/*.ini', GLOB_BRACE));
    return array_filter($files, function ($file) {
        return preg_match('~^\s*opcache\.validate_timestamps\s*=\s*"?(0|off|no|false)\b~mi', (string) @file_get_contents($file));
    });
}

function ixporch_tell_php()
{
    foreach (get_loaded_extensions() as $extension) {
        ixporch_tell('extension', strtolower($extension));
    }
    foreach (ixporch_web_versions() as $version) {
        ixporch_tell('web-php', $version);
    }
    foreach (ixporch_web_lacks() as $extension) {
        ixporch_tell('web-lacks', $extension);
    }
    foreach (ixporch_kept_code() as $file) {
        ixporch_tell('keeps-code', $file);
    }
    if (!ini_get('allow_url_fopen')) {
        ixporch_tell('asks-no-site', 'allow_url_fopen');
    }
}
