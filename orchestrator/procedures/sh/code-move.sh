# sh -c TEXT sh ARGUMENT...: runs git, which is to move the code to another release. git says that it succeeded even if it could
# not write some of the files, so the tree is looked at. Behind git-options.sh.
git "$@" || exit
modified=$(GIT_OPTIONAL_LOCKS=0 git status --porcelain --untracked-files=no --ignore-submodules=all -- . ':!database/Proxies') || exit 1
[ -z "$modified" ] || { printf 'git could not write these files as the release has them:\n%s\n' "$modified" >&2; exit 1; }
