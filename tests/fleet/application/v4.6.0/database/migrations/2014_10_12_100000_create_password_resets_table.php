<?php

// The one table that is Laravel's and not Doctrine's; the real release has it since v4.9.
return 'CREATE TABLE password_resets (email VARCHAR(191) NOT NULL, token VARCHAR(191) NOT NULL, created_at TIMESTAMP NULL, INDEX (email))';
