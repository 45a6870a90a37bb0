# The network: a bridge in the controller's namespace, one namespace and one cable per host, no way out.
# shellcheck shell=bash

network_up() {
  ip netns list | grep -qw "$CONTROLLER_NAMESPACE" && return
  ip netns add "$CONTROLLER_NAMESPACE"
  ip -n "$CONTROLLER_NAMESPACE" link set lo up
  ip -n "$CONTROLLER_NAMESPACE" link add br0 type bridge
  ip -n "$CONTROLLER_NAMESPACE" addr add "$NETWORK.1/24" dev br0
  ip -n "$CONTROLLER_NAMESPACE" link set br0 up
  connect hub
}

# connect NAME: the host's namespace, with eth0 plugged into the bridge as v-NAME.
connect() {
  local namespace
  namespace=$(namespace_of "$1")
  ip netns list | grep -qw "$namespace" && return
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  ip link add "v-$1" netns "$CONTROLLER_NAMESPACE" type veth peer name eth0 netns "$namespace"
  ip -n "$namespace" addr add "$(address_of "$1")/24" dev eth0
  ip -n "$namespace" link set eth0 up
  ip -n "$CONTROLLER_NAMESPACE" link set "v-$1" master br0 up
}

disconnect() { ip netns del "$(namespace_of "$1")" 2>/dev/null || true; }

network_down() {
  disconnect hub
  ip netns del "$CONTROLLER_NAMESPACE" 2>/dev/null || true
}

# fault KIND HOST [PORT]: breaks something for real. `clear` mends it.
fault() {
  local kind=$1 host=$2 port=${3:-22} namespace
  namespace=$(namespace_of "$host")
  case $kind in
    link-down) ip -n "$CONTROLLER_NAMESPACE" link set "v-$host" down ;;
    # What the host sends to this port is answered with a reset: composer's repository is on 8080, git's on 9418.
    refuse-out)
      ip netns exec "$namespace" nft -f - <<RULES
table inet ixporch { chain out { type filter hook output priority 0; oifname "eth0" tcp dport $port reject with tcp reset; }; }
RULES
      ;;
    # Whatever comes to this port vanishes.
    drop-in)
      ip netns exec "$namespace" nft -f - <<RULES
table inet ixporch { chain in { type filter hook input priority 0; iifname "eth0" tcp dport $port drop; }; }
RULES
      ;;
    clear)
      ip netns exec "$namespace" nft delete table inet ixporch 2>/dev/null || true
      ip -n "$CONTROLLER_NAMESPACE" link set "v-$host" up
      ;;
    *) die "there is no fault $kind (link-down, refuse-out, drop-in, clear)" ;;
  esac
}
