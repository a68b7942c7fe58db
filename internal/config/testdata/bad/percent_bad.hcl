listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  retry {
    budget = 0.2
  }
}
vhost "any" { backend = "app" }
