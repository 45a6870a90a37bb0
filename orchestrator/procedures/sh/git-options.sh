# How git is run in an installation: without hooks and file system monitors (docs/concepts/trust.md), not in submodules, and
# with nothing left in the background. What it makes nobody else may write, whatever the login's umask and the tree say.
umask 022
options='-c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.sharedRepository=umask -c core.quotePath=false'
options="$options -c submodule.recurse=false -c gc.auto=0 -c maintenance.auto=false"
# shellcheck disable=SC2086
git() { command git $options "$@"; }
