package place

import (
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Firmware are the words of the SMBIOS tables that Linux shows to everybody, by
// the name of their file.
type Firmware struct {
	words map[string]string
}

const dmiDir = "/sys/class/dmi/id/"

// FirmwareOf reads them. A machine without the tables has none of the words.
func FirmwareOf(s *see.System) Firmware {
	f := Firmware{words: map[string]string{}}
	for _, name := range []string{
		"product_name", "sys_vendor", "board_vendor", "bios_vendor", "bios_version", "product_version",
		"chassis_asset_tag", "board_asset_tag", "chassis_vendor",
	} {
		if text, err := s.Text(dmiDir + name); err == nil && text != "" {
			f.words[name] = text
		}
	}
	return f
}

// Any reports whether there are any words.
func (f Firmware) Any() bool { return len(f.words) > 0 }

// Word returns one of them, "" when there is none.
func (f Firmware) Word(name string) string { return f.words[name] }

// Evidence is one of them as evidence.
func (f Firmware) Evidence(name string) fact.Evidence {
	return fact.Read(dmiDir+name, f.words[name], f.words[name])
}

// Vendor is what the words say of a hypervisor, in the order in which makers are
// known to write themselves there, with the file that says it.
func (f Firmware) Vendor() (name, file string) {
	for _, file := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		for _, row := range vendors() {
			if strings.HasPrefix(f.words[file], row[0]) {
				return row[1], file
			}
		}
	}
	return "", ""
}

// vendors are beginnings of words, and the hypervisor that writes them.
func vendors() [][2]string {
	return [][2]string{
		{"KVM", "kvm"}, {"OpenStack", "kvm"}, {"KubeVirt", "kvm"}, {"Amazon EC2", "amazon"}, {"QEMU", "qemu"},
		{"VMware", "vmware"}, {"VMW", "vmware"}, {"innotek GmbH", "virtualbox"}, {"VirtualBox", "virtualbox"},
		{"Oracle Corporation", "virtualbox"}, {"Xen", "xen"}, {"HVM domU", "xen"}, {"Bochs", "bochs"}, {"Parallels", "parallels"},
		{"BHYVE", "bhyve"}, {"Hyper-V", "hyperv"}, {"Apple Virtualization", "apple"}, {"Google Compute Engine", "google"},
		{"Cloud Hypervisor", "cloud-hypervisor"}, {"crosvm", "crosvm"},
	}
}

// virtualBit asks the first table of the firmware whether it is a virtual one;
// only root may read it.
func virtualBit(s *see.System) (virtual, known bool, ev fact.Evidence) {
	const table = "/sys/firmware/dmi/entries/0-0/raw"
	raw, err := s.Read(table)
	if err != nil {
		return false, false, fact.Evidence{Source: table}
	}
	virtual, known = parse.SMBIOSVirtual(raw)
	return virtual, known, fact.Read(table, "", map[string]bool{"virtual": virtual})
}

// asset is the tag that Azure gives to every virtual machine of its own, which
// tells it from other machines on Hyper-V.
const asset = "7783-7084-3265-9085-8269-3286-77"

// cloud names the cloud by the words of the firmware and by Xen's id.
func cloud(s *see.System, f Firmware) (fact.Layer, bool) {
	layer := func(name, file string) (fact.Layer, bool) {
		return fact.Layer{Kind: fact.Cloud, Name: name, Confidence: fact.High, Evidence: []fact.Evidence{f.Evidence(file)}}, true
	}
	for _, row := range [][3]string{
		{"sys_vendor", "Amazon EC2", "ec2"}, {"bios_vendor", "Amazon EC2", "ec2"}, {"product_name", "Google Compute Engine", "gce"},
		{"chassis_asset_tag", asset, "azure"}, {"sys_vendor", "DigitalOcean", "digitalocean"}, {"sys_vendor", "Hetzner", "hetzner"},
		{"sys_vendor", "Alibaba Cloud", "alibaba"}, {"chassis_asset_tag", "OracleCloud.com", "oracle-cloud"},
		{"sys_vendor", "OpenStack", "openstack"}, {"product_name", "OpenStack", "openstack"}, {"sys_vendor", "Scaleway", "scaleway"},
		{"sys_vendor", "Vultr", "vultr"}, {"sys_vendor", "Linode", "linode"}, {"sys_vendor", "Akamai", "linode"},
		{"sys_vendor", "Tencent Cloud", "tencent"}, {"sys_vendor", "UpCloud", "upcloud"}, {"sys_vendor", "Exoscale", "exoscale"},
	} {
		if strings.HasPrefix(f.Word(row[0]), row[1]) {
			return layer(row[2], row[0])
		}
	}
	if strings.Contains(f.Word("bios_version"), "amazon") {
		return layer("ec2", "bios_version")
	}
	if id, ev, err := s.Says("/sys/hypervisor/uuid"); err == nil && strings.HasPrefix(strings.ToLower(id), "ec2") {
		return fact.Layer{Kind: fact.Cloud, Name: "ec2", Confidence: fact.High, Evidence: []fact.Evidence{ev}}, true
	}
	return fact.Layer{}, false
}
