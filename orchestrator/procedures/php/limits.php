<?php
// What a script that works on a backup or on the database runs with: what it writes is its user's alone, and a large
// backup may need much memory.
umask(0077);
ini_set('memory_limit', '-1');
