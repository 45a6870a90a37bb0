<?php
// Whether the host is what it was when its backup was made: by commit (which another step looks at), by what composer and
// bower had installed, and by what the application says of its schema.
$folder = ixporch_backup_folder();
$manifest = ixporch_manifest($folder);
if (!$manifest) {
    echo "$folder holds no backup: nothing was begun that would need one\n";
    exit(0);
}
$pending = ixporch_pending();
if ($pending === null) {
    ixporch_fail('the application does not answer (artisan doctrine:schema:update --sql)');
}
if ($pending !== $manifest['pending']) {
    ixporch_fail("what Doctrine says of the schema is not what it said before:\n$pending");
}
echo "the application answers, and its schema is what it was\n";
