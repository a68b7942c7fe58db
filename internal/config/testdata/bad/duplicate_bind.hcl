listener "web" { bind = [":8080"] }
listener "too" { bind = ["0.0.0.0:8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
