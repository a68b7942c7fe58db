listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "main" { memory = "8MiB" }
vhost "any" {
  cache { quota = "1GiB" }
  backend = "app"
}
