<?php
// Classes that this release cannot do without; Audit is only in ixp/support 1.1.
const PROVIDERS = ['Ixp\\Support\\Asn', 'Ixp\\Support\\Audit'];
