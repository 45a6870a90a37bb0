# sh -c TEXT sh FLUSH... restart-by RESTART...: runs RESTART, and FLUSH only if that fails. FLUSH is given all arguments,
# and uses its own.
restart() {
  while [ "$1" != restart-by ]; do shift; done
  shift
  "$@" && return
  # systemd starts no unit any more that was started too often (start limit): that is over here.
  [ "$1" = systemctl ] || return 1
  eval "unit=\${$#}"
  # shellcheck disable=SC2154
  systemctl reset-failed "$unit" && "$@"
}
restart "$@" || {
  echo 'memcached could not be restarted, so it is flushed' >&2
  exec "$@"
}
