listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  server "b" {
    address = "127.0.0.1:9001"
    weight  = 1.5
  }
}
vhost "any" { backend = "app" }
