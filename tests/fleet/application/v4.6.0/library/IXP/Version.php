<?php
define( 'APPLICATION_VERSION', '4.6.0' );
