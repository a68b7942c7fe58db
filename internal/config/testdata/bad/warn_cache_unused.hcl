listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "main" { memory = "64MiB" }
vhost "any" { backend = "app" }
