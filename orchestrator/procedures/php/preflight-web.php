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
        foreach ((array) glob($pattern, GLOB_BRACE) as $file) {
            $text = (string) @file_get_contents($file);
            if (basename($file) === '.htaccess' || strpos($text, getcwd() . '/public') !== false) {
                $files[$file] = $text;
            }
        }
    }
    return $files;
}

// The pools of PHP-FPM that serve this installation: they run as this user, and the site files name where they listen. Where these
// name no pool, all sites of the machine have the same.
function ixporch_pools(array $sites)
{
    $me = trim(ixporch_output_of('id -un', $code));
    $sites = implode("\n", $sites);
    $names_pool = preg_match('~fastcgi_pass|proxy:(unix|fcgi):~', $sites);
    $pools = [];
    foreach (array_merge((array) glob('/etc/php/*/fpm/pool.d/*.conf'), (array) glob('/etc/php-fpm.d/*.conf')) as $file) {
        $text = (string) @file_get_contents($file);
        $value = function ($name) use ($text) {
            return preg_match("~^\\s*$name\\s*=\\s*\"?([^\"\\s]+)~m", $text, $match) ? $match[1] : '';
        };
        $listen = $value('listen');
        if ($value('user') === $me && (!$names_pool || ($listen !== '' && strpos($sites, $listen) !== false))) {
            $pools[$file] = $text;
        }
    }
    return $pools;
}

// Where the web server gives the application another database than .env does. Its variables count before .env.
function ixporch_tell_web_settings(array $settings)
{
    $forms = ['env\[(DB_\w+)\]\s*=\s*', 'SetEnv\s+"?(DB_\w+)"?\s+', 'fastcgi_param\s+(DB_\w+)\s+'];
    $sites = ixporch_site_files();
    foreach ($sites + ixporch_pools($sites) as $file => $text) {
        preg_match_all('~^\s*(?:' . implode('|', $forms) . ')(?:"([^"\n]*)"|\'([^\'\n]*)\'|([^;\s]+))~mi', $text, $found, PREG_SET_ORDER);
        foreach ($found as $match) {
            $name = $match[1] . $match[2] . $match[3];
            $value = implode('', array_slice($match, 4));
            $is_compared = in_array($name, ['DB_HOST', 'DB_PORT', 'DB_SOCKET', 'DB_DATABASE', 'DB_USERNAME'], true);
            if ($is_compared && $value !== $settings[$name]) {
                ixporch_tell('web-setting', "$name is $value in $file, and " . ($settings[$name] === '' ? 'not set' : $settings[$name]) . ' in .env');
            }
        }
    }
}
