#!/bin/sh
# Starts systemd as process 1 of a machine of its own: an overlay of this one's
# files, its processes, network, names and control groups. Nothing of this machine
# can be changed from there. Usage: machine.sh FOLDER PACKAGE; run by unshare --mount.
# The number of the process whose child is systemd is the first line of output.
set -eu
work=$1 package=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root" "$work/cgroup"
mount -t cgroup2 cgroup2 "$work/cgroup"
above=$work/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
own=$above/fishplate-test-$$
mkdir "$own"
root=$work/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
rm -f "$root/usr/sbin/policy-rc.d" # of images of containers: it forbids a package to start and stop services
mkdir -p "$root/opt"
cp "$package" "$root/opt/fishplate.deb"

cat >"$work/boot.sh" <<'BOOT'
set -eu
root=$1
mount -t proc proc "$root/proc"
for f in sys sysrq-trigger; do
	[ -e "$root/proc/$f" ] || continue
	mount -o bind "$root/proc/$f" "$root/proc/$f"
	mount -o remount,bind,ro "$root/proc/$f"
done
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for d in null zero full random urandom tty; do
	touch "$root/dev/$d"
	mount -o bind "/dev/$d" "$root/dev/$d"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for d in run tmp etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs "$root/$d"; done
chmod 1777 "$root/tmp"
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >"$root/etc/systemd/system/default.target"
cd "$root"
mkdir run/before
pivot_root . run/before
umount -l /run/before
lost=-sys_module,-sys_rawio,-sys_time,-sys_boot,-syslog,-wake_alarm,-mac_admin,-mac_override,-audit_control
exec env -i container=fishplate PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --bounding-set "$lost" /lib/systemd/systemd --log-target=console --show-status=no
BOOT

echo $$ >"$own/cgroup.procs"
setpriv --pdeathsig KILL unshare --cgroup --mount --pid --net --uts --ipc --fork --kill-child sh "$work/boot.sh" "$root" &
echo $!
echo $$ >"$above/cgroup.procs"
status=0
wait $! || status=$?
find "$own" -depth -type d -exec rmdir {} + # processes are gone: their control groups can go
exit $status
