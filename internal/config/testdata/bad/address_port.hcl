listener "web" { bind = [":80800"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
