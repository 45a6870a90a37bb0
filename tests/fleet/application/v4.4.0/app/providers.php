<?php
// Classes that this release cannot do without.
const PROVIDERS = ['Ixp\\Support\\Asn'];
