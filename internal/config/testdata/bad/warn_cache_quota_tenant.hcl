listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
tenant "t" {
  program = "old.pem"
  cache { ttl = "1m" }
}
vhost "any" {
  tenant = "t"
  cache { quota = "1MiB" }
  route "all" {
    backend = "app"
    cache { enabled = false }
  }
}
