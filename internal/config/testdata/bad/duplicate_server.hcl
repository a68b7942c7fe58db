listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  server "127.0.0.1:9000" {
    address = "127.0.0.1:9001"
  }
}
vhost "any" { backend = "app" }
