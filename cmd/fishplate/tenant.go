package main

import (
	"github.com/spf13/pflag"
)

// tenantVerbs are about the tenants of a running process.
func tenantVerbs() []verb {
	return []verb{{
		name: "tenant", short: "See, update and debug the tenants of the running process",
		sub: append([]verb{
			{
				name: "tenant ls", form: "[--json]", live: true, run: runTenantList,
				short: "List the tenants",
				long: "STATE is ready, starting (the first request for it waits for that), stale (the program in the file does not start, an older\n" +
					"one runs on) or failed (it answers 503).",
				example: "fishplate tenant ls\nfishplate tenant ls --json | jq -r '.[] | select(.state != \"ready\") | .name'",
				flags:   jsonFlag,
			},
			{
				name: "tenant show", form: "NAME [--json]", min: 1, max: 1, live: true, run: runTenantShow,
				short:   "Show one tenant: its program, what it used, what stopped it, its versions",
				example: "fishplate tenant show shop.example",
				flags:   jsonFlag,
			},
			{
				name: "tenant update", form: "NAME PROG [--comment TEXT] [--signature FILE] [--match N] [--json]", min: 2, max: 2, live: true, run: runTenantUpdate,
				short: "Give a tenant another program, without a reload",
				long: "PROG is an ELF file, or sources as for guest build, which are compiled here. The new program is started beside the old one,\n" +
					"takes the state of its storage over (on_live_update, on_resume_update), and has every request from one moment on; requests\n" +
					"under way end with the old one. When anything fails the old one serves on, and the reason is printed.\n\n" +
					"It is a change like others: history has it, rollback and diff understand it, it is kept in the state folder and runs again\n" +
					"after a restart, and it is refused while another change is tried or waits to be confirmed. It stays until the program that\n" +
					"the configuration names changes. Without a state folder it lives in memory, and ends with the process. Where the tenant has update { key = … }, FILE holds the\n" +
					"Ed25519 signature, 64 bytes or base64 of them, of SHA-256 over the tenant's name, a zero byte and the ELF file.",
				example: "fishplate tenant update shop.example shop.cpp --comment 'new prices'\nfishplate tenant update shop.example shop.elf --signature shop.sig\n" +
					"{ printf 'shop.example\\0'; cat shop.elf; } | openssl dgst -sha256 -binary > d && openssl pkeyutl -sign -rawin -inkey key.pem -in d -out shop.sig",
				flags: func(f *pflag.FlagSet) {
					giveFlags(f)
					f.String("signature", "", "a file with the signature of the ELF file")
				},
			},
			{
				name: "tenant rollback", form: "NAME [VERSION] [--comment TEXT] [--match N] [--json]", min: 1, max: 2, live: true, run: runTenantRollback,
				short:   "Make an earlier program of a tenant current again",
				long:    "Without VERSION the one before the current. It becomes a new version and a change of its own, as by update.",
				example: "fishplate tenant rollback shop.example\nfishplate tenant rollback shop.example 3",
				flags:   giveFlags,
			},
			{
				name: "tenant versions", form: "NAME [--json]", min: 1, max: 1, live: true, run: runTenantVersions,
				short:   "List the programs that are kept of a tenant",
				long:    "The last five, at most 64 MiB; * marks the current one.",
				example: "fishplate tenant versions shop.example",
				flags:   jsonFlag,
			},
			{
				name: "tenant shadow", form: "NAME [--program PROG --share 5% [--signature FILE] | --stop] [--json]", min: 1, max: 1, live: true, run: runTenantShadow,
				short: "Try a candidate beside a tenant's program, and report what it does otherwise",
				long: "Alone it prints the report: how many requests were repeated with the candidate, and each difference of decision, request,\n" +
					"status, fields or body, - the program and + the candidate. --program begins with another candidate. Nothing that it does\n" +
					"has an effect: no fetch, no purge, no write to the store. It lasts until --stop, or until the tenant's block changes.",
				example: "fishplate tenant shadow shop.example --program shop.cpp --share 5%\nfishplate tenant shadow shop.example\nfishplate tenant shadow shop.example --stop",
				exits:   "1 also when there is no candidate.",
				flags: func(f *pflag.FlagSet) {
					jsonFlag(f)
					f.String("program", "", "the candidate: an ELF file or sources")
					f.String("share", "5%", "of the requests")
					f.String("signature", "", "a file with the signature of the candidate's ELF file, as for update")
					f.Bool("stop", false, "end it, after a last report")
				},
			},
		}, tenantDebugVerbs()...),
	}}
}

// giveFlags go with a change of a tenant's program.
func giveFlags(f *pflag.FlagSet) {
	jsonFlag(f)
	f.String("comment", "", "why, for the history and the list of versions")
	f.Uint64("match", 0, "only when this generation runs")
}
