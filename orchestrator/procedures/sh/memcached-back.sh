# sh -c TEXT sh FLUSH... restart-by RESTART...: runs RESTART, and FLUSH only if that fails. FLUSH is given all arguments,
# and uses its own.
restart() {
  while [ "$1" != restart-by ]; do shift; done
  shift
  "$@"
}
restart "$@" || {
  echo 'memcached could not be restarted, so it is flushed' >&2
  exec "$@"
}
