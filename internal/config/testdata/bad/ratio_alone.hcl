listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  balance = ratio("p90", "rate=5")
}
vhost "any" { backend = "app" }
