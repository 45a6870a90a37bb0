<?php
// What a real IXP Manager has in vendor/, and Debian has in packages: loaded with composer's autoloader, as there.
require_once 'Dotenv/autoload.php';
