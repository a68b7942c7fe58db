listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" {
  route "all" {
    backend = "app"
    cache {
      min_ttl = "1h"
      max_ttl = "1m"
    }
  }
}
