listener "web" { bind = [":8080"] }
backend "app" { servers = [":9000"] }
vhost "any" { backend = "app" }
