listener "web" { bind = [":8080"] }
backend "app" { servers = ["localhost:8080"] }
vhost "any" { backend = "app" }
