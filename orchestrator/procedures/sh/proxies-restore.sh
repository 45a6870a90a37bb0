# Restores the proxies of Doctrine that are in git. Behind git-options.sh.
[ -z "$(git ls-files database/Proxies | head -n 1)" ] || git checkout --quiet -- database/Proxies
