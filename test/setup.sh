#!/usr/bin/env bash
# Installs the Debian packages named on the command line when it may, and says
# which are missing when it may not.
set -u
missing=()
for p in "$@"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "missing Debian packages: ${missing[*]}"
  echo "install them with: sudo apt-get install ${missing[*]}"
  exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null || { echo "apt-get update failed"; exit 1; }
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/fishplate-setup.log 2>&1 \
  || { tail -n 20 /tmp/fishplate-setup.log; exit 1; }
# Debian starts the peers as services; tests and benchmarks start their own.
for s in nginx haproxy varnish; do service "$s" stop >/dev/null 2>&1; done
exit 0
