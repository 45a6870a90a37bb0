# sh -c TEXT sh ARGUMENT...: runs git. Behind git-options.sh.
git "$@"
