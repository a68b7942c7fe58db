#!/bin/bash
# Builds dist/fishplate_VERSION_ARCH.deb of a binary, and installs it into an
# empty folder to see that it can be. Usage: deb.sh BINARY VERSION [FOLDER]
set -euo pipefail
binary=$(realpath "$1") version=$2
here=$(dirname "$(realpath "$0")")
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

put() { install -D -m "$1" "$2" "$root/$3"; }
put 755 "$binary" usr/bin/fishplate
put 644 "$here/fishplate.service" usr/lib/systemd/system/fishplate.service
put 644 "$here/fishplate.hcl" etc/fishplate/fishplate.hcl
put 644 "$here/debian/copyright" usr/share/doc/fishplate/copyright
put 644 "$here/debian/overrides" usr/share/lintian/overrides/fishplate
# The socket is where the verbs look for it.
mkdir -p "$root/usr/lib/tmpfiles.d"
echo 'L+ /run/fishplate.sock - - - - /run/fishplate/fishplate.sock' >"$root/usr/lib/tmpfiles.d/fishplate.conf"
"$binary" man >"$work/man" && put 644 "$work/man" usr/share/man/man8/fishplate.8
gzip -9n "$root/usr/share/man/man8/fishplate.8"
printf 'fishplate (%s) unstable; urgency=medium\n\n  * See the history of the source.\n\n -- Fishplate <maintainers@fishplate.invalid>  %s\n' \
	"$version" "$(date -uR -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")" >"$work/changelog"
put 644 "$work/changelog" usr/share/doc/fishplate/changelog
gzip -9n "$root/usr/share/doc/fishplate/changelog"
"$binary" completion bash >"$work/bash" && put 644 "$work/bash" usr/share/bash-completion/completions/fishplate
"$binary" completion zsh >"$work/zsh" && put 644 "$work/zsh" usr/share/zsh/vendor-completions/_fishplate
"$binary" completion fish >"$work/fish" && put 644 "$work/fish" usr/share/fish/vendor_completions.d/fishplate.fish

mkdir -p "$root/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "$here/debian/$script" "$root/DEBIAN/$script"; done
echo /etc/fishplate/fishplate.hcl >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: fishplate
Version: $version
Architecture: $arch
Maintainer: Fishplate <maintainers@fishplate.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: adduser
Recommends: ca-certificates
Suggests: gcc-riscv64-linux-gnu, g++-riscv64-linux-gnu
Section: httpd
Priority: optional
Description: multi-tenant, programmable layer-7 switch
 Accepts connections, reads each request, decides by its content where it
 goes, runs the tenant's compiled program for it in a sandbox, and is
 reconfigured, and replaced by another version, while it works.
CONTROL
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
dist=${3:-$here/../dist}
mkdir -p "$dist"
deb=$(realpath "$dist")/fishplate_${version}_$arch.deb
dpkg-deb --build --root-owner-group "$root" "$deb" >/dev/null

# The check: it installs, what it installed is whole, the configuration is in
# order, and it goes again without a trace.
try=$work/try
mkdir -p "$try"/var/lib/dpkg/{info,updates,triggers}
touch "$try"/var/lib/dpkg/{status,available}
quietly=(dpkg --root="$try" --force-script-chrootless --force-not-root --force-depends --log=/dev/null)
"${quietly[@]}" --install "$deb" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
dpkg --root="$try" --verify fishplate
"$try/usr/bin/fishplate" version
"$try/usr/bin/fishplate" check "$try/etc/fishplate/fishplate.hcl"
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/bin/fishplate|$try/usr/bin/fishplate|" "$try/usr/lib/systemd/system/fishplate.service" >"$work/fishplate.service"
	systemd-analyze verify --man=no "$work/fishplate.service"
fi
"${quietly[@]}" --purge fishplate >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
left=$(find "$try" -path "$try/var/lib/dpkg" -prune -o -type f -print)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
if command -v lintian >/dev/null; then lintian --fail-on error "$deb" || exit 1; fi
echo "$deb"
