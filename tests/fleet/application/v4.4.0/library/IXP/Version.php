<?php
define( 'APPLICATION_VERSION', '4.4.0' );
