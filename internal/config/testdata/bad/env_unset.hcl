listener "web" { bind = [":8080"] }
backend "app" { servers = [env("NOPE")] }
vhost "any" { backend = "app" }
