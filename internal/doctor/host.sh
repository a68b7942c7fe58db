#!/bin/sh
# What only the host of a virtual machine can see, as JSON on the standard output.
# Run it on the host, as root if you can, and give what it prints to the guest:
#   sh check.sh > host.json        (on the host)
#   fishplate doctor --merge host.json   (in the guest)
# It needs nothing but a POSIX shell with awk and cat, and changes nothing.
LC_ALL=C
export LC_ALL

# quote makes a JSON string of its input: control characters but newline and tab
# are left out.
quote() {
	tr -d '\000-\010\013-\037\177-\377' | awk '
		BEGIN { printf "\"" }
		{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t"); printf "%s\\n", $0 }
		END { printf "\"" }'
}

# say NAME prints one more member, with the standard input as its value.
say() {
	printf ',\n    '
	printf '%s' "$1" | awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "\"%s\"", $0 }'
	printf ': '
	quote
}

# file prints a file that can be read.
file() {
	if [ -f "$1" ] && text=$(cat "$1" 2>/dev/null); then
		printf '%s\n' "$text" | say "$1"
	fi
}

printf '{\n  "schema": "fishplate.doctor-host/1",\n  "files": {\n    "/fishplate-host": ""'
awk 'NF == 0 { exit } { print }' /proc/cpuinfo 2>/dev/null | say /proc/cpuinfo
awk '/^cpu/' /proc/stat 2>/dev/null | say /proc/stat
for f in /proc/cmdline /proc/self/cgroup /proc/sys/kernel/osrelease /proc/sys/kernel/perf_event_paranoid \
	/proc/xen/capabilities /sys/hypervisor/type /sys/hypervisor/guest_type /sys/hypervisor/properties/features \
	/sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /sys/class/dmi/id/bios_vendor /sys/class/dmi/id/chassis_asset_tag \
	/sys/devices/system/cpu/online /sys/devices/system/node/online \
	/sys/devices/system/clocksource/clocksource0/current_clocksource /sys/devices/system/clocksource/clocksource0/available_clocksource \
	/sys/module/kvm/parameters/halt_poll_ns /sys/module/kvm_intel/parameters/enable_apicv /sys/module/kvm_intel/parameters/enable_ipiv \
	/sys/module/kvm_intel/parameters/enable_device_posted_irqs /sys/module/kvm_amd/parameters/avic \
	/proc/sys/net/bridge/bridge-nf-call-iptables /proc/sys/net/bridge/bridge-nf-call-ip6tables /proc/sys/net/bridge/bridge-nf-call-arptables \
	/proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max \
	/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor /sys/devices/system/cpu/cpu*/cpufreq/scaling_driver \
	/sys/class/net/*/bridge/stp_state /sys/class/net/*/bridge/multicast_snooping; do
	file "$f"
done
if [ -e /dev/kvm ]; then
	printf '' | say /dev/kvm
fi
for f in /proc/[0-9]*/task/[0-9]*/comm; do
	name=$(cat "$f" 2>/dev/null) || continue
	case $name in
	'CPU '*/KVM | 'fc_vcpu '* | vcpu[0-9]*)
		printf '%s\n' "$name" | say "$f"
		grep -E '^(Name|Cpus_allowed_list):' "${f%comm}status" 2>/dev/null | say "${f%comm}status"
		;;
	esac
done
if command -v xl >/dev/null 2>&1; then
	xl info 2>/dev/null | say /xl/info
fi
printf '\n  },\n  "msr": {'
separator=''
if command -v rdmsr >/dev/null 2>&1; then
	for r in 0x480 0x481 0x482 0x48b 0x48d 0x48e 0x492; do
		if v=$(rdmsr -p 0 -c "$r" 2>/dev/null); then
			printf '%s\n    "%s": "%s"' "$separator" "$r" "$v"
			separator=','
		fi
	done
fi
printf '\n  }\n}\n'
