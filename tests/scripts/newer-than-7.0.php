<?php
// Finds what PHP 7.0 does not have in scripts: php newer-than-7.0.php FILE...
// No archive has a PHP 7.0 to ask. These are the additions of syntax, functions and constants since, as far as scripts
// without classes could use them; strings and comments are not looked at.
const FUNCTIONS = 'array_all|array_any|array_find|array_find_key|array_is_list|array_key_first|array_key_last|fdatasync|fdiv|'
    . 'fpow|fsync|ftok|get_debug_type|get_mangled_object_vars|get_resource_id|hrtime|is_countable|is_iterable|json_validate|'
    . 'mb_chr|mb_ord|mb_scrub|mb_str_pad|mb_str_split|mb_trim|mb_ucfirst|net_get_interfaces|pcntl_async_signals|'
    . 'preg_last_error_msg|sapi_windows_vt100_support|spl_object_id|str_contains|str_ends_with|str_increment|'
    . 'str_starts_with|stream_context_set_options|stream_isatty';
const CONSTANTS = 'ARRAY_FILTER_USE_VALUE|JSON_INVALID_UTF8_\w+|JSON_THROW_ON_ERROR|JSON_UNESCAPED_LINE_TERMINATORS|'
    . 'PHP_FLOAT_\w+|PHP_OS_FAMILY|PREG_UNMATCHED_AS_NULL|PASSWORD_ARGON2\w+';
const GONE = 'create_function|each|ereg|eregi|mcrypt_\w+|money_format|mysql_\w+|split';
const NEW_TYPES = 'false|iterable|mixed|never|null|object|true|void';
// Tokens by their names, since older PHP does not know all of them.
const NEW_TOKENS = ['T_ATTRIBUTE', 'T_COALESCE_EQUAL', 'T_ENUM', 'T_FN', 'T_MATCH', 'T_NULLSAFE_OBJECT_OPERATOR', 'T_READONLY', 'T_START_HEREDOC'];

// The tokens that mean something: [name, text, line].
function tokens($text)
{
    $tokens = [];
    $line = 1;
    foreach (token_get_all($text) as $token) {
        $line = is_array($token) ? $token[2] : $line;
        $name = is_array($token) ? token_name($token[0]) : $token;
        if (!in_array($name, ['T_WHITESPACE', 'T_COMMENT', 'T_DOC_COMMENT'], true)) {
            $tokens[] = [$name, is_array($token) ? $token[1] : $token, $line];
        }
    }
    return $tokens;
}

// For each token, the place of the bracket that it is in, and for each closing bracket, that of its opening one.
function brackets(array $tokens)
{
    $open = [-1];
    $inside = [];
    $opening = [];
    foreach ($tokens as $at => $token) {
        if (in_array($token[0], [']', ')', '}'], true)) {
            $opening[$at] = array_pop($open);
        }
        $inside[$at] = end($open);
        if (in_array($token[0], ['[', '(', '{', 'T_CURLY_OPEN', 'T_DOLLAR_OPEN_CURLY_BRACES'], true)) {
            $open[] = $at;
        }
    }
    return [$inside, $opening];
}

// What of a text is newer: [line, what].
function findings($text)
{
    $tokens = tokens($text);
    list($inside, $opening) = brackets($tokens);
    $is = function ($at, ...$names) use ($tokens) {
        return isset($tokens[$at]) && in_array($tokens[$at][0], $names, true);
    };
    $found = [];
    $in_signature = false;
    foreach ($tokens as $at => list($name, $word, $line)) {
        $before = $inside[$at] - 1;
        $in_signature = $is($at, 'T_FUNCTION') || ($in_signature && !$is($at, '{', ';'));
        $is_call = $is($at, 'T_STRING') && $is($at + 1, '(') && !$is($at - 1, 'T_FUNCTION', 'T_OBJECT_OPERATOR', 'T_DOUBLE_COLON');
        $rules = [
            'syntax' => in_array($name, NEW_TOKENS, true),
            'a nullable type' => $in_signature && $name === '?',
            'a type' => $in_signature && $name === 'T_STRING' && preg_match('~^(' . NEW_TYPES . ')$~i', $word) && !$is($at - 1, '='),
            'a union of types' => $name === '|' && ($in_signature || $is($before, 'T_CATCH')),
            'a catch without a variable' => $name === ')' && $is($opening[$at] - 1, 'T_CATCH') && !$is($at - 1, 'T_VARIABLE'),
            'a comma at the end of arguments' => $name === ')' && $is($at - 1, ',') && !$is($opening[$at] - 1, 'T_ARRAY', 'T_LIST'),
            'a list in [ ]' => ($name === ']' && $is($at + 1, '=') && !$is($opening[$at] - 1, 'T_VARIABLE', 'T_STRING', 'T_STRING_VARNAME', ']', ')', '}'))
                || ($name === '[' && $is($at - 1, 'T_AS')) || ($name === '[' && $is($at - 1, 'T_DOUBLE_ARROW') && $is($before, 'T_FOREACH')),
            'a list with keys' => $name === 'T_DOUBLE_ARROW' && $is($before, 'T_LIST'),
            'a number with _ or 0o' => in_array($name, ['T_LNUMBER', 'T_DNUMBER'], true) && preg_match('~_|^0o~i', $word),
            'an array spread by ...' => $name === 'T_ELLIPSIS' && $is($inside[$at], '['),
            'a callable made by (...)' => $name === 'T_ELLIPSIS' && $is($at + 1, ')'),
            'a named argument' => $name === 'T_STRING' && $is($at + 1, ':') && $is($at - 1, '(', ','),
            'a negative index in a string' => $name === '-' && $is($at + 1, 'T_NUM_STRING'),
            'throw as an expression' => $name === 'T_THROW' && !$is($at - 1, ';', '{', '}', ')', ':', 'T_OPEN_TAG'),
            'a command as an array' => $is_call && $word === 'proc_open' && $is($at + 2, '[', 'T_ARRAY'),
            'a function' => $is_call && preg_match('~^(' . FUNCTIONS . ')$~i', $word),
            'a function that later versions lack' => $is_call && preg_match('~^(' . GONE . ')$~i', $word),
            'a constant' => $name === 'T_STRING' && !$is_call && preg_match('~^(' . CONSTANTS . ')$~', $word),
            'a class, which these rules do not know' => in_array($name, ['T_CLASS', 'T_INTERFACE', 'T_TRAIT'], true) && !$is($at - 1, 'T_DOUBLE_COLON'),
        ];
        foreach (array_keys(array_filter($rules)) as $rule) {
            $found[] = [$line, "$rule: $word"];
        }
    }
    return $found;
}

// Every rule finds what it is for, and what PHP 7.0 has is left alone.
const NEWER = [
    '$a ??= 1;', 'fn() => 1;', 'match (1) { default => 1 };', '$a?->b;', 'function f(?int $a) {}', 'function f(): void {}',
    'function f(int|string $a) {}', 'try {} catch (A | B $c) {}', 'try {} catch (A) {}', 'f(1,);', '[$a, $b] = f();',
    'foreach ($a as [$b]) {}', 'foreach ($a as $k => [$b]) {}', 'list("a" => $b) = f();', '1_000;', '0o17;', '[...$a];',
    'f(...);', 'f(name: 1);', '"$a[-1]";', '$a ?? throw new E();', 'proc_open(["a"], [], $p);', 'str_contains("a", "b");',
    'array_key_first([]);', 'json_encode(1, JSON_THROW_ON_ERROR);', 'each($a);', 'class A {}', '#[A] function f() {}',
];
const FINE = 'const A = [1, 2,]; function f(array $a, $b = null, &...$c): int { list($x, list($y)) = $a; $a[0] = [1, 2,]; $a["b"]["c"] = 1;'
    . ' foreach ($a as $k => list($v)) { echo $v ? -1 : A[0], "$a[0]", true ? A : B; } f(...$a); g([1, 2,]); return $a ?? 1; }'
    . ' try { f(1); } catch (E $e) { throw $e; } switch (1) { case A: break; } // $a ??= 1' . "\n" . '"fn() => [...$a]";';
foreach (NEWER as $code) {
    if (!findings("<?php $code")) {
        echo "newer-than-7.0.php: no rule finds: $code\n";
        exit(2);
    }
}
if (findings('<?php ' . FINE)) {
    echo 'newer-than-7.0.php: PHP 7.0 has ', json_encode(findings('<?php ' . FINE)), "\n";
    exit(2);
}
$count = 0;
foreach (array_slice($argv, 1) as $file) {
    foreach (findings(file_get_contents($file)) as list($line, $what)) {
        echo "$file:$line: $what\n";
        $count++;
    }
}
exit($count === 0 ? 0 : 1);
