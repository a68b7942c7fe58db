module same

go 1.24

require fishplate.dev/sdk/go v0.1.0
