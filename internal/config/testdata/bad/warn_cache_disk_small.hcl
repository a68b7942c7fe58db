listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "main" {
  disk {
    path = "store"
    size = "32MiB"
  }
}
vhost "any" {
  route "all" {
    backend = "app"
    cache {
      ttl = "1m"
    }
  }
}
