# The hub: what the hosts fetch from. A git daemon, a static composer repository over HTTP, bower components.
# shellcheck shell=bash

hub_git() { git -c user.name=hub -c user.email=hub@fleet.test -c init.defaultBranch=master -c commit.gpgsign=false -c safe.directory='*' "$@"; }

# bower_component WORK NAME VERSION DEPENDENCIES: one more tagged version of a component.
bower_component() {
  local work=$1 name=$2 version=$3 dependencies=$4
  [ -d "$work/$name/.git" ] || hub_git init -q "$work/$name"
  printf '{ "name": "%s", "main": "%s.js", "dependencies": %s }\n' "$name" "$name" "$dependencies" > "$work/$name/bower.json"
  echo "/* $name $version */" > "$work/$name/$name.js"
  hub_git -C "$work/$name" add -A
  hub_git -C "$work/$name" commit -qm "$version"
  hub_git -C "$work/$name" tag "$version"
}

hub_bower() {
  local work version name jquery=git://hub.fleet.test/bower/jquery.git
  work=$(mktemp -d)
  for version in 1.12.4 2.2.4 3.1.1; do bower_component "$work" jquery "$version" '{}'; done
  bower_component "$work" chosen 1.6.2 "{ \"jquery\": \"$jquery#>=1.9\" }"
  # Wants another jquery than releases 4.5 and later do: the conflict that bower would ask about.
  bower_component "$work" chosen 1.8.0 "{ \"jquery\": \"$jquery#~2.2\" }"
  bower_component "$work" select2 4.0.13 "{ \"jquery\": \"$jquery#>=2\" }"
  for name in jquery chosen select2; do hub_git clone -q --bare "$work/$name" "$HUB/git/bower/$name.git"; done
  rm -rf "$work"
}

hub_composer() {
  python3 - "$HUB/www/composer" <<'PYTHON'
import hashlib, json, os, sys, zipfile

folder = sys.argv[1]
classes = {
    "support": {"1.0.0": ["Asn"], "1.1.0": ["Asn", "Audit"]},
    "grapher": {"1.0.0": ["Version"], "1.1.0": ["Version"], "1.2.0": ["Version"]},
}
packages = {}
for name, versions in classes.items():
    namespace = "Ixp\\" + name.capitalize() + "\\"
    autoload = {"psr-4": {namespace: "src/"}}
    for version, names in versions.items():
        archive = os.path.join(folder, f"{name}-{version}.zip")
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr(f"{name}/composer.json", json.dumps({"name": f"ixp/{name}", "autoload": autoload}))
            for class_name in names:
                body = f"<?php\nnamespace {namespace[:-1]};\nfinal class {class_name} {{ const VERSION = '{version}'; }}\n"
                zipped.writestr(f"{name}/src/{class_name}.php", body)
        with open(archive, "rb") as file:
            digest = hashlib.sha1(file.read()).hexdigest()
        packages.setdefault(f"ixp/{name}", {})[version] = {
            "name": f"ixp/{name}", "version": version, "type": "library", "autoload": autoload,
            "dist": {"type": "zip", "url": f"http://hub.fleet.test:8080/composer/{name}-{version}.zip", "shasum": digest},
        }
with open(os.path.join(folder, "packages.json"), "w") as file:
    json.dump({"packages": packages}, file)
PYTHON
}

hub_identity() { declare -f hub_bower hub_composer bower_component | sha256sum | cut -c1-12; }

hub_listens() { ip netns exec "$(namespace_of hub)" bash -c "exec 3<>/dev/tcp/$NETWORK.2/8080 && exec 4<>/dev/tcp/$NETWORK.2/9418" 2>/dev/null; }

hub_up() {
  if [ ! -e "$HUB/made-$(hub_identity)" ]; then
    destroy_hosts
    hub_down
    rm -rf "$HUB"
    mkdir -p "$HUB/git/bower" "$HUB/www/composer"
    hub_bower
    hub_composer
    touch "$HUB/made-$(hub_identity)"
  fi
  hub_listens && return
  local namespace
  namespace=$(namespace_of hub)
  ip netns exec "$namespace" setsid git -c safe.directory='*' daemon --reuseaddr --export-all --listen="$NETWORK.2" \
    --base-path="$HUB/git" "$HUB/git" > "$HUB/git.log" 2>&1 < /dev/null &
  (cd "$HUB/www" && exec ip netns exec "$namespace" setsid python3 -m http.server --bind "$NETWORK.2" 8080 > "$HUB/http.log" 2>&1 < /dev/null) &
  until_true 20 hub_listens || die "the hub does not listen; see $HUB/*.log"
}

# Everything that runs in the hub's namespace is the hub's.
hub_down() {
  local pids
  hub_pids() { ip netns pids "$(namespace_of hub)" 2>/dev/null || true; }
  hub_is_empty() { [ -z "$(hub_pids)" ]; }
  pids=$(hub_pids)
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086
  kill -9 $pids 2>/dev/null || true
  until_true 5 hub_is_empty
}

# publish TAG [HOST...]: upstream's master of these hosts (default: all) becomes the release.
publish() {
  local tag=$1 host
  shift
  # Names of hosts hold no blanks.
  # shellcheck disable=SC2048
  for host in ${*:-$(hosts)}; do
    git -c safe.directory='*' -C "$HUB/git/$host/ixpmanager.git" update-ref refs/heads/master "$tag^{commit}" || die "cannot publish $tag to $host"
  done
}
