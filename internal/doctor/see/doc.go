// Package see is the doctor's only way to the machine: files below a root, and a
// probe for what is not in files (processor leaves, model-specific registers,
// network cards, netlink, limits). A fixture stands in for both: a folder with
// proc and sys in it, and probe.json.
//
// It remembers what it read, so that all checks of one run see the same state,
// and a later run can subtract it. It says why something could not be seen:
// absent, denied, or not visible here. It judges nothing, and writes nothing.
// A System may be used by many goroutines; it starts none.
package see
