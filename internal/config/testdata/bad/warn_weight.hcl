listener "web" { bind = [":8080"] }
backend "app" {
  server "a" {
    address = "127.0.0.1:9000"
    weight  = 0
  }
}
vhost "any" { backend = "app" }
