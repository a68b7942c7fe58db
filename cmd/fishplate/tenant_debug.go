package main

// tenantDebugVerbs look into what a tenant's program does.
func tenantDebugVerbs() []verb { return nil }
