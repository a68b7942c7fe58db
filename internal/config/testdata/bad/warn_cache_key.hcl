listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" {
  route "all" {
    backend = "app"
    cache {
      key {
        query = "ignore"
        drop = ["utm_*"]
        headers = ["Cookie", "User-Agent"]
      }
    }
  }
}
