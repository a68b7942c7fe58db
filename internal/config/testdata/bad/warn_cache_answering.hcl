listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" {
  route "old" {
    path = "/old"
    redirect {
      to = "/new"
    }
    cache { ttl = "1h" }
  }
  backend = "app"
}
