module fishplate.dev/sdk/go

go 1.24
