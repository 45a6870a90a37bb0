<?php

namespace Entities;

class AuditLog
{
    protected $id;
    protected $action;
    protected $happenedAt;
}
