<?php
define( 'APPLICATION_VERSION', '4.5.0' );
