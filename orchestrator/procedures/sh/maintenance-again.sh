# sh -c TEXT sh PHP...: closes the site of this folder if it is open. artisan may be broken: then the file that closes the
# site is written without it.
[ -e storage/framework/down ] || "$@" artisan down ||
  printf '{"time":%s,"message":null,"retry":null}\n' "$(date +%s)" > storage/framework/down
