# Names, addresses and small helpers, shared by all parts of the fleet.
# shellcheck shell=bash
# Other parts use what is set here.
# shellcheck disable=SC2034

# Where everything that the fleet makes is kept. Built layers stay between runs; `fleet clean` removes them.
CACHE=${IXPORCH_FLEET_CACHE:-/var/cache/ixporch-fleet}
RUN=$CACHE/run          # one folder per host: its writable layer, its mount, its supervisor
HUB=$CACHE/hub          # the upstream: git, composer packages, bower components
STATE=$FLEET_HOME/var   # what the checked-in inventory refers to: the key and the known host keys
KEY=$CACHE/id_ed25519

# RFC 2544 benchmark addresses; they exist only inside the fleet's own network namespaces.
NETWORK=198.18.77
CONTROLLER_NAMESPACE=ixporch-ctl
CGROUP=ixporch

say() { printf 'fleet: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

address_of() {
  case $1 in
    hub) echo "$NETWORK.2" ;;
    builder) echo "$NETWORK.9" ;;
    h-apache) echo "$NETWORK.101" ;;
    h-php74) echo "$NETWORK.102" ;;
    h-mysql) echo "$NETWORK.103" ;;
    h[0-9]*) echo "$NETWORK.$((10 + ${1#h}))" ;;
    *) die "there is no host $1" ;;
  esac
}

# The kinds of hosts besides the plain one; there may be one host of each.
KINDS=(apache php74 mysql)

is_kind() {
  local kind
  for kind in "${KINDS[@]}"; do [ "$kind" != "$1" ] || return 0; done
  return 1
}

namespace_of() { echo "ixporch-$1"; }

hosts() {
  local folder
  for folder in "$RUN"/h*/; do [ ! -d "$folder" ] || basename "$folder"; done | sort -V
}

# until_true SECONDS COMMAND...: waits for a condition, looking ten times a second.
until_true() {
  local tries=$(($1 * 10))
  shift
  while ! "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# Hosts stand on the layers below them, and have their upstreams in the hub: they go first.
destroy_hosts() {
  local name
  for name in $(hosts); do destroy_host "$name"; done
}

in_controller() { ip netns exec "$CONTROLLER_NAMESPACE" "$@"; }

# Packages that the machine itself needs.
install_tools() {
  local package missing=()
  for package in systemd-container mmdebstrap nftables iproute2 openssh-client procps python3 npm; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed' && continue
    [ "$package" = npm ] && command -v npm >/dev/null && continue
    [ "$package" = python3 ] && command -v python3 >/dev/null && continue
    missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 -qq update
  apt-get -o DPkg::Lock::Timeout=600 -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

make_key() {
  mkdir -p "$CACHE"
  [ -f "$KEY" ] || ssh-keygen -q -t ed25519 -N '' -C ixporch-fleet -f "$KEY"
}
