// Package service tests the Debian package and its unit with a real systemd, as
// process 1 of a machine made of namespaces.
package service
