# One host: its layers, its life as a systemd-nspawn container, and ways into it that do not need SSH.
# shellcheck shell=bash

cgroup_hierarchies() {
  local hierarchy
  for hierarchy in systemd unified freezer cpu pids memory; do
    [ -d "/sys/fs/cgroup/$hierarchy" ] && echo "/sys/fs/cgroup/$hierarchy"
  done
  # A machine with only cgroup v2 has one tree.
  [ -f /sys/fs/cgroup/cgroup.controllers ] && echo /sys/fs/cgroup
  true
}

# The host's own cgroup in each hierarchy. Without one of its own, --keep-unit would put every host's systemd
# into the same cgroup, and they would kill one another's services.
cgroups_of() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do echo "$hierarchy/$CGROUP/$1"; done
}

# PID 1 of the host, as the machine sees it: the supervisor's nspawn's systemd.
leader_of() {
  local supervisor nspawn
  supervisor=$(cat "$RUN/$1/supervisor" 2>/dev/null) || return 1
  nspawn=$(pgrep -P "$supervisor" -x systemd-nspawn) || return 1
  pgrep -P "$nspawn" -x systemd
}

is_alive() { leader_of "$1" > /dev/null; }

# in_host NAME COMMAND...: runs in the host's namespaces, as root, without SSH.
in_host() {
  local name=$1
  shift
  nsenter -t "$(leader_of "$name")" -m -u -i -n -p -C -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 "$@"
}

mount_host() {
  local folder=$RUN/$1
  mountpoint -q "$folder/root" && return
  mount -t overlay "ixporch-$1" -o "lowerdir=$(cat "$folder/lower"),upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
}

# prepare_host NAME LOWER: a fresh writable layer over the read-only ones, with an identity of its own.
prepare_host() {
  local name=$1 lower=$2 folder=$RUN/$1 number kind user home
  mkdir -p "$folder/upper/etc/ssh" "$folder/work" "$folder/root" "$CACHE/host-keys"
  echo "$name" > "$folder/upper/etc/hostname"
  printf '%s' "$name" | md5sum | cut -c1-32 > "$folder/upper/etc/machine-id"
  {
    echo '127.0.0.1 localhost'
    echo "$NETWORK.2 hub.fleet.test"
    for number in $(seq 60); do echo "$NETWORK.$((10 + number)) h$number.fleet.test h$number"; done
    for kind in "${KINDS[@]}"; do echo "$(address_of "h-$kind") h-$kind.fleet.test h-$kind"; done
  } > "$folder/upper/etc/hosts"
  # The host key outlives a reset, as it does on a real host that is restored.
  [ -f "$CACHE/host-keys/$name" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$CACHE/host-keys/$name"
  install -m 600 "$CACHE/host-keys/$name" "$folder/upper/etc/ssh/ssh_host_ed25519_key"
  install -m 644 "$CACHE/host-keys/$name.pub" "$folder/upper/etc/ssh/ssh_host_ed25519_key.pub"
  echo "$lower" > "$folder/lower"
  mount_host "$name"
  for user in root ops opspw; do
    home=$(chroot "$folder/root" getent passwd "$user" | cut -d: -f6)
    install -d -m 700 "$folder/root$home/.ssh"
    install -m 600 "$KEY.pub" "$folder/root$home/.ssh/authorized_keys"
    chroot "$folder/root" chown -R "$user:" "$home/.ssh"
  done
}

# boot_host NAME: starts it and returns; await_host waits.
boot_host() {
  local name=$1 folder=$RUN/$1 cgroup
  is_alive "$name" && return
  end_processes "$name"
  connect "$name"
  mount_host "$name"
  for cgroup in $(cgroups_of "$name"); do mkdir -p "$cgroup"; done
  # A program of its own, not a subshell: it must not inherit the fleet's lock.
  setsid "$FLEET_HOME/fleet" supervise "$name" > "$folder/console.log" 2>&1 < /dev/null &
  echo $! > "$folder/supervisor"
  disown
  until_true 10 is_alive "$name" || die "$name has no PID 1: $(cat "$folder/console.log")"
}

# A reboot from inside ends nspawn with status 133 (because of --keep-unit): it is started again.
supervise() {
  local name=$1 cgroup status=133
  for cgroup in $(cgroups_of "$name"); do echo "$BASHPID" > "$cgroup/cgroup.procs"; done
  set +e
  while [ "$status" = 133 ]; do
    env -i PATH="$PATH" TERM=dumb systemd-nspawn -q -b -D "$RUN/$name/root" -M "ixporch-$name" --hostname="$name" \
      --register=no --keep-unit --settings=no --network-namespace-path="/run/netns/$(namespace_of "$name")" \
      --console=pipe --link-journal=no --resolv-conf=off --timezone=off
    status=$?
  done
}

has_banner() {
  timeout 2 ip netns exec "$CONTROLLER_NAMESPACE" bash -c "exec 3<>/dev/tcp/$(address_of "$1")/22 && head -c 4 <&3" 2>/dev/null | grep -q SSH-
}

# sshd listens before the host has finished starting; a command then would race MariaDB.
has_started() {
  case $(in_host "$1" systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac
}

await_host() {
  until_true 60 has_banner "$1" || die "$1 has no SSH server"
  until_true 60 has_started "$1" || die "$1 did not finish starting"
}

# A killed systemd-nspawn leaves its container alive: what is left in the host's cgroups is ended.
end_processes() {
  local name=$1 pids
  for _ in $(seq 100); do
    pids=$(for cgroup in $(cgroups_of "$name"); do [ -d "$cgroup" ] && find "$cgroup" -name cgroup.procs -exec cat {} +; done 2>/dev/null | sort -u | grep -vx 0 || true)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    sleep 0.05
  done
  die "$name: cannot end $pids"
}

# Ends the host as a power cut would.
crash_host() {
  end_processes "$1"
  rm -f "$RUN/$1/supervisor"
}

has_new_pid_1() { local now; now=$(leader_of "$1") && [ "$now" != "$2" ]; }

# Reboots the host as its administrator would, and waits until it is up again.
reboot_host() {
  local before
  before=$(leader_of "$1")
  in_host "$1" systemctl reboot > /dev/null 2>&1 || true
  until_true 120 has_new_pid_1 "$1" "$before" || die "$1 does not go down"
  await_host "$1"
}

# Ends the host in order, so that its database is closed.
stop_host() {
  local leader
  leader=$(leader_of "$1" || true)
  if [ -n "$leader" ]; then
    kill -RTMIN+4 "$leader"
    until_true 30 eval "! kill -0 $leader 2>/dev/null" || say "$1 does not stop by itself"
  fi
  crash_host "$1"
}

# keep_layer LAYER: what was written in the builder becomes a layer, without the builder's identity.
keep_layer() {
  umount "$RUN/builder/root"
  mv "$RUN/builder/upper" "$1"
  rm -f "$1"/etc/{hostname,machine-id,hosts} "$1"/etc/ssh/ssh_host_*
  touch "$1/.complete"
  destroy_host builder
}

destroy_host() {
  local name=$1 cgroup
  crash_host "$name"
  umount -l "$RUN/$name/root" 2>/dev/null || true
  for cgroup in $(cgroups_of "$name"); do
    [ -d "$cgroup" ] && find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
  disconnect "$name"
  rm -rf "${RUN:?}/$name"
}
