listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
tenant "t" { program = "nope.elf" }
vhost "any" { tenant = "t" }
