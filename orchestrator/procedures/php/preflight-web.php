<?php
// uses: http.php, site-trouble.php, tell.php, users.php
// What the preflight asks about the web site and its server.

// What the checks after the upgrade would say of the site as it is now. A closed one is not looked at.
function ixporch_tell_site()
{
    if ((string) getenv('URL') === '' || file_exists('storage/framework/down')) {
        return;
    }
    putenv('ANSWER_TIMEOUT=8');
    $trouble = ixporch_trouble_of_site(ixporch_installed_version());
    if ($trouble !== '' && strpos($trouble, 'no answer') !== 0) {
        // A single bad answer may be bad luck.
        sleep(1);
        $trouble = ixporch_trouble_of_site(ixporch_installed_version());
    }
    if ($trouble !== '') {
        ixporch_tell('site-trouble', getenv('URL') . ": $trouble");
    }
}

// The site files of web servers that name this installation, with their texts.
function ixporch_site_files()
{
    $files = [];
    $patterns = ['/etc/{apache2,nginx}/{sites,conf}-enabled/*', '/etc/{nginx,httpd}/conf.d/*.conf', getcwd() . '/public/.htaccess'];
    foreach ($patterns as $pattern) {
        foreach (glob($pattern, GLOB_BRACE) ?: [] as $file) {
            $text = (string) @file_get_contents($file);
            // In a file of several sites it is not clear to which site a setting belongs.
            preg_match_all('~^\s*(?:root|DocumentRoot)\s+["\']?([^"\'\s;]+)~mi', $text, $roots);
            $roots = array_unique(array_map(function ($root) {
                return rtrim($root, '/');
            }, $roots[1]));
            if (basename($file) === '.htaccess' || array_values($roots) === [getcwd() . '/public']) {
                $files[$file] = $text;
            }
        }
    }
    return $files;
}

// The pools of PHP-FPM that serve this installation: they run as this user, and the site files name where they listen, or there is
// no other pool. In a file of several pools it is not clear to which pool a setting belongs.
function ixporch_pools(array $sites)
{
    $me = trim(ixporch_output_of('id -un', $code));
    $sites = implode("\n", $sites);
    $files = array_merge(glob('/etc/php/*/fpm/pool.d/*.conf') ?: [], glob('/etc/php-fpm.d/*.conf') ?: []);
    $pools = [];
    foreach ($files as $file) {
        $text = (string) @file_get_contents($file);
        $value = function ($name) use ($text) {
            return preg_match("~^\\s*$name\\s*=\\s*\"?([^\"\\s]+)~m", $text, $match) ? $match[1] : '';
        };
        $listen = $value('listen');
        $is_named = $listen !== '' && strpos($sites, $listen) !== false;
        $is_one = preg_match_all('~^\s*\[(?!global)[^\]]+\]~m', $text) === 1;
        if ($is_one && $value('user') === $me && ($is_named || count($files) === 1)) {
            $pools[$file] = $text;
        }
    }
    return $pools;
}

// Where the web server gives the application another database than .env does. Its variables count before .env.
function ixporch_tell_web_settings(array $settings)
{
    // With a cached configuration, neither counts.
    if (is_file('bootstrap/cache/config.php')) {
        return;
    }
    $usual = ['DB_HOST' => 'localhost', 'DB_PORT' => '3306', 'DB_SOCKET' => '', 'DB_DATABASE' => '', 'DB_USERNAME' => ''];
    $plain = function ($name, $value) use ($usual) {
        $value = $value === '' ? $usual[$name] : $value;
        return in_array($value, ['127.0.0.1', '::1'], true) ? 'localhost' : $value;
    };
    $forms = ['env\[(DB_\w+)\]\s*=\s*', 'SetEnv\s+"?(DB_\w+)"?\s+', 'fastcgi_param\s+(DB_\w+)\s+'];
    $sites = ixporch_site_files();
    foreach ($sites + ixporch_pools($sites) as $file => $text) {
        preg_match_all('~^\s*(?:' . implode('|', $forms) . ')(?:"([^"\n]*)"|\'([^\'\n]*)\'|([^;\s]+))~mi', $text, $found, PREG_SET_ORDER);
        foreach ($found as $match) {
            $name = $match[1] . $match[2] . $match[3];
            $value = implode('', array_slice($match, 4));
            if (isset($usual[$name]) && strpos($value, '$') === false && $plain($name, $value) !== $plain($name, $settings[$name])) {
                ixporch_tell('web-setting', "$name is $value in $file, and " . ($settings[$name] === '' ? 'not set' : $settings[$name]) . ' in .env');
            }
        }
    }
}
